"""A real guest of 512 bytes: it boots from its disk and writes to it for ever, through the BIOS.

Only a guest's writes meet `werror`: those of `qemu-io` never stop a VM.
"""

import struct
from pathlib import Path

MIB = 1 << 20
SECTOR = 512
STEP = 128
"""Sectors between two writes: each falls into another cluster of a backup."""

FIRST = MIB
"""Where it begins to write, in bytes."""

_ORIGIN = 0x7C00
_PACKET = 0x60


def boot_sector(size: int, first: int = FIRST, *, reads: bool = False) -> bytes:
    """Code for a disk of so many bytes: a sector every 64 KiB from `first` on, round and round.

    It writes these, or only reads them, and rests until the next tick of the timer, 18 times a
    second, after each.
    """
    function = b"\x42" if reads else b"\x43"
    packet = struct.pack("<H", _ORIGIN + _PACKET)
    count = struct.pack("<H", _ORIGIN + _PACKET + 2)
    block = struct.pack("<H", _ORIGIN + _PACKET + 8)
    loop = (
        b"\xbe" + packet,  # mov si, packet
        b"\xb8\x00" + function,  # mov ax, 4300h: extended write; 4200h: read
        b"\xb2\x80",  # mov dl, 80h: the first disk
        b"\xc7\x06" + count + b"\x01\x00",  # mov word [count], 1: an error made it 0
        b"\xcd\x13",  # int 13h
        b"\xf4",  # hlt
        b"\x66\x81\x06" + block + struct.pack("<I", STEP),  # add dword [block], STEP
        b"\x66\x81\x3e" + block + struct.pack("<I", size // SECTOR - 1),  # cmp dword [block], end
        b"\x72",  # jb loop
    )
    length = sum(map(len, loop)) + 1
    code = b"\x31\xc0\x8e\xd8\x8e\xc0\x8e\xd0\xbc\x00\x7c\xfb"  # segments and stack, sti
    code += b"".join(loop) + struct.pack("b", -length)
    code += b"\x66\xc7\x06" + block + struct.pack("<I", first // SECTOR)  # mov dword [block], FIRST
    code += b"\xeb" + struct.pack("b", -(length + 9 + 2))  # jmp loop
    assert len(code) <= _PACKET
    # Written is what lies at 8000h.
    access = struct.pack("<BBHHHQ", 16, 0, 1, 0, 0x0800, first // SECTOR)
    sector = code.ljust(_PACKET, b"\0") + access
    return sector.ljust(SECTOR - 2, b"\0") + b"\x55\xaa"


def guest_disk(path: Path, size: int = 16 * MIB, byte: int = 0x11) -> Path:
    """A raw disk that the guest boots from."""
    with path.open("wb") as file:
        file.write(boot_sector(size))
        for begin in range(SECTOR, size, MIB):
            file.write(bytes([byte]) * min(MIB, size - begin))
    return path


def brief_guest_disk(path: Path, size: int = 8 * MIB) -> Path:
    """A raw disk whose guest turns the machine off by itself, a second after it has booted."""
    code = (
        b"\x31\xc0\x8e\xd8\xfb",  # xor ax, ax; mov ds, ax; sti
        b"\xb9\x12\x00",  # mov cx, 18: ticks of the timer
        b"\xf4\xe2\xfd",  # hlt; loop
        b"\xba\x04\x06\xb8\x00\x20\xef",  # mov dx, 604h; mov ax, 2000h; out: ACPI's S5 of a q35
        b"\xf4\xeb\xfd",  # hlt; jmp
    )
    sector = b"".join(code).ljust(SECTOR - 2, b"\0") + b"\x55\xaa"
    path.write_bytes(sector + bytes(size - SECTOR))
    return path


def reading_guest_disk(path: Path, size: int = 16 * MIB) -> Path:
    """A raw disk that the guest boots from, and then only reads."""
    path.write_bytes(boot_sector(size, reads=True) + bytes(size - SECTOR))
    return path


def large_guest_disk(path: Path, size: int, first: int) -> Path:
    """A raw disk that the guest boots from, with holes where it writes nothing.

    Args:
        path: where it is made.
        size: in bytes.
        first: where the guest begins to write: a backup comes there the later.
    """
    with path.open("wb") as file:
        file.write(boot_sector(size, first))
        file.truncate(size)
    return path


def booted(path: Path, device: str = "virtio-blk-pci", **drive: str) -> tuple[str, ...]:
    """The options of a VM whose guest this is; it waits for `cont`."""
    if "file.driver" not in drive:
        drive = {"file": str(path), **drive}
    more = "".join(f",{name}={value}" for name, value in drive.items())
    return (
        *("-machine", "q35,accel=tcg", "-m", "16"),
        *("-drive", f"if=none,id=d0,format=raw{more}"),
        *("-device", f"{device},drive=d0,bootindex=0"),
    )
