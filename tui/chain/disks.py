"""The disks of a VM as those of a chain: which they are, and whether its bitmaps still tell."""

import re
import secrets
from collections.abc import Iterable, Sequence

from tui.chain.manifest import BITMAP_PREFIX, Chain, ChainDisk, Point, bitmap_name
from tui.vm.snapshot import Device, Medium, VmSnapshot

UNFIT = re.compile(r"[^A-Za-z0-9_]+")
LONGEST_NAME = 40
_NO_UUID = "00000000-0000-0000-0000-000000000000"


class NotPossible(Exception):
    """A point cannot be made; the text says why, in a sentence."""


class NeedsFull(NotPossible):
    """No increment can be made on the last point; a new full one can."""


def new_chain(vm: VmSnapshot, devices: Sequence[Device]) -> Chain:
    """A chain of these disks without a point.

    Raises:
        NotPossible: a disk cannot be backed up, or there is none.
    """
    if not devices:
        raise NotPossible("No disk was chosen.")
    disks: list[ChainDisk] = []
    for device in devices:
        medium = medium_of(device)
        disks.append(
            ChainDisk(
                name=_name_for(device, {disk.name for disk in disks}),
                device=device.title,
                node=medium.node_name,
                virtual_size=medium.virtual_size,
            )
        )
    uuid = "" if vm.uuid == _NO_UUID else vm.uuid
    return Chain(id=secrets.token_hex(4), vm=vm.name, uuid=uuid, disks=tuple(disks))


def _name_for(device: Device, taken: Iterable[str]) -> str:
    base = UNFIT.sub("_", device.title).strip("_")[:LONGEST_NAME] or "disk"
    numbered = (f"{base}_{number}" for number in range(2, 10_000))
    return base if base not in taken else next(name for name in numbered if name not in taken)


def recorded_since_last(vm: VmSnapshot, chain: Chain, disk_name: str) -> tuple[Medium, int]:
    """A disk of the VM, and the bytes that were written to it since the chain's last point.

    Raises:
        NeedsFull: the bitmap of that point does not tell.
        NotPossible: the disk is not there, or is of another VM.
    """
    is_of(vm, chain)
    last = chain.last
    disk = next((disk for disk in chain.disks if disk.name == disk_name), None)
    if last is None or disk is None:
        raise NotPossible(f"The chain has no complete point of a disk {disk_name}.")
    medium = medium_of(device_of(vm, disk))
    is_fit(disk, medium, chain, last)
    name = bitmap_name(chain.id, last.serial)
    return medium, sum(bitmap.count for bitmap in medium.bitmaps if bitmap.name == name)


def records_since_last(vm: VmSnapshot, chain: Chain) -> bool:
    """Whether a disk of a VM has the bitmap of the chain's last point, of whatever use it is."""
    name = bitmap_name(chain.id, chain.last.serial) if chain.last is not None else None
    media = (device.medium for device in vm.devices)
    return any(bitmap.name == name for medium in media if medium for bitmap in medium.bitmaps)


def medium_of(device: Device) -> Medium:
    """What a disk that is backed up holds.

    Raises:
        NotPossible: it cannot be backed up now.
    """
    obstacle = device.obstacle
    if device.medium is None or obstacle is not None:
        raise NotPossible(f"{device.title} cannot be backed up now: {obstacle}.")
    if device.medium.temporary_snapshot:
        raise NotPossible(f"{device.title} is open with snapshot=on: what is written is not kept.")
    if not device.medium.virtual_size:
        raise NotPossible(f"{device.title} has no size: there is nothing to back up.")
    return device.medium


def device_of(vm: VmSnapshot, disk: ChainDisk) -> Device:
    """The disk of a chain, in the VM.

    Raises:
        NotPossible: it is not there.
    """
    device = next((device for device in vm.devices if device.title == disk.device), None)
    if device is None:
        raise NotPossible(f"The VM has no disk {disk.device}, of which the chain is.")
    return device


def is_of(vm: VmSnapshot, chain: Chain) -> None:
    """See that a chain can be of this VM, as far as both say who they are.

    Raises:
        NotPossible: it is of another.
    """
    known = vm.uuid if vm.uuid != _NO_UUID else ""
    if chain.uuid and known and chain.uuid != known:
        raise NotPossible(f"The chain is of another VM: {chain.vm or 'no name'}, {chain.uuid}.")
    if not (chain.uuid and known) and chain.vm and vm.name and chain.vm != vm.name:
        raise NotPossible(f"The chain is of another VM: {chain.vm}.")


def is_fit(disk: ChainDisk, medium: Medium, chain: Chain, last: Point) -> None:
    """See that the bitmap of the last point tells all that was written since.

    Raises:
        NeedsFull: it does not.
        NotPossible: it is in use.
    """
    name = bitmap_name(chain.id, last.serial)
    size = last.images[disk.name].virtual_size
    if medium.virtual_size != size:
        raise NeedsFull(
            f"{disk.device} was resized, from {size:,} to {medium.virtual_size:,} bytes."
        )
    bitmap = next((bitmap for bitmap in medium.bitmaps if bitmap.name == name), None)
    if bitmap is None:
        others = [b.name for b in medium.bitmaps if b.name.startswith(BITMAP_PREFIX)]
        seen = f" There is {', '.join(others)}, of another point or chain." if others else ""
        raise NeedsFull(
            f"{disk.device} has lost the bitmap {name}: what was written since is not known.{seen}"
        )
    if bitmap.inconsistent:
        raise NeedsFull(
            f"The bitmap {name} of {disk.device} is inconsistent: its VM did not end in order."
        )
    if not bitmap.recording:
        raise NeedsFull(f"The bitmap {name} of {disk.device} was disabled: it missed writes.")
    if bitmap.busy:
        raise NotPossible(f"The bitmap {name} of {disk.device} is in use.")
