"""The guest of the demo VM: a firmware that halts, or that goes on writing to its IDE disk.

It is all that runs in the VM, so that nothing has to boot. Only what a device writes for its guest
meets `werror`: it is this disk that stops the VM when a backup's target is full.
"""

import struct

from tui.demo.disks import SLOW_DATA

TICKS = 4
"""Between two writes, 18 of them a second."""

_SECTOR = 512
_CLUSTER = 64 << 10
_CLUSTERS = SLOW_DATA // _CLUSTER
_STRIDE = 733
"""Clusters from one write to the next, with no common factor: each is come to, in no order."""

_SIZE = 64 << 10
_RESET = _SIZE - 16
_HALT = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp back to the hlt
_TICK, _TEXT = 0x0F00, 0x1000
"""Where the handler of the timer is, and what is written."""

_WRITTEN = b"A sector of BlockDeck's demo, written by its guest. "


def halting() -> bytes:
    """One that halts at once: the VM is running, writes nothing, and takes no CPU."""
    return _image(reset=_HALT)


def writing() -> bytes:
    """One that writes a sector of the first IDE disk every now and then, and halts in between."""
    # jmp far F000:0000
    return _image(reset=b"\xea\x00\x00\x00\xf0", code=_code())


def _image(reset: bytes, code: bytes = b"") -> bytes:
    # Where nothing else is, it halts.
    image = bytearray(b"\xf4" * _SIZE)
    image[: len(code)] = code
    image[_TICK] = 0xCF  # iret
    image[_TEXT : _TEXT + _SECTOR] = (_WRITTEN * _SECTOR)[:_SECTOR]
    image[_RESET : _RESET + len(reset)] = reset
    return bytes(image)


def _code() -> bytes:
    per_cluster = _CLUSTER // _SECTOR
    end = struct.pack("<I", _CLUSTERS * per_cluster)
    stride = struct.pack("<I", _STRIDE * per_cluster)
    loop = (
        b"\xb9" + struct.pack("<H", TICKS),  # mov cx, TICKS
        b"\xf4\xe2\xfd",  # hlt; loop
        # The last write is over, or it rests on.
        b"\xba\xf7\x01",  # mov dx, 1f7h: status
        b"\xec\xa8\x80\x74\x03\xf4\xeb\xf8",  # in; test al, 80h: busy; jz on; hlt; jmp in
        b"\xba\xf2\x01\xb0\x01\xee",  # mov dx, 1f2h; mov al, 1; out: sectors
        b"\x66\x89\xd8\x42\xee",  # mov eax, ebx; inc dx; out: the sector's number
        b"\x66\xc1\xe8\x08\x42\xee",  # shr eax, 8; inc dx; out
        b"\x66\xc1\xe8\x08\x42\xee",
        b"\x66\xc1\xe8\x08\x0c\xe0\x42\xee",  # shr eax, 8; or al, e0h: by number; inc dx; out
        b"\xb0\x30\x42\xee",  # mov al, 30h: write; inc dx; out
        b"\xec\xa8\x09\x74\xfb",  # in; test al, 9: it takes data, or an error; jz in
        b"\xba\xf0\x01\xbe" + struct.pack("<H", _TEXT),  # mov dx, 1f0h; mov si, TEXT
        b"\xb9\x00\x01\xf3\x6f",  # mov cx, 256; rep outsw
        b"\x66\x81\xc3" + stride,  # add ebx, STRIDE
        b"\x66\x81\xfb" + end,  # cmp ebx, END
        b"\x72\x07",  # jb over the next
        b"\x66\x81\xeb" + end,  # sub ebx, END
    )
    again = sum(map(len, loop)) + 2
    setup = (
        b"\x31\xc0\x8e\xd8\x8e\xd0\xbc\x00\x70",  # segments and stack
        b"\xc7\x06\x20\x00" + struct.pack("<H", _TICK),  # interrupt 8 is F000:TICK
        b"\xc7\x06\x22\x00\x00\xf0",
        # The interrupt controller from 8 on, acknowledging by itself; the timer, and nothing else.
        b"\xb0\x11\xe6\x20\xb0\x08\xe6\x21\xb0\x04\xe6\x21\xb0\x03\xe6\x21\xb0\xfe\xe6\x21",
        b"\xb0\x34\xe6\x43\x30\xc0\xe6\x40\xe6\x40",  # the timer at its slowest
        b"\x0e\x1f\xfc\xfb",  # push cs; pop ds; cld; sti
        b"\x66\x31\xdb",  # xor ebx, ebx
    )
    return b"".join((*setup, *loop)) + b"\xeb" + struct.pack("b", -again)  # jmp to the loop
