"""What the words of `blockdeck chain` mean: which disks, which directory, which chain."""

from collections.abc import Sequence
from pathlib import Path

from tui.chain.directory import Kept, NoManifest, chains_in, read_chain
from tui.chain.manifest import SUFFIX
from tui.cli.failure import Failure
from tui.text import plain
from tui.vm.snapshot import Device
from tui.worker import VmWorker


def chosen_disks(worker: VmWorker, names: Sequence[str]) -> list[Device]:
    """The disks by their names; without names all that the guest can write to.

    Raises:
        Failure: there is none of that name, or one cannot be backed up now.
    """
    devices = worker.snapshot.devices
    if not names:
        return _all_written_to(devices)
    chosen = []
    for name in names:
        device = next((device for device in devices if device.title == name), None)
        if device is None:
            known = ", ".join(plain(device.title) for device in devices)
            raise Failure(f"the VM has no disk {name}", f"It has: {known}")
        chosen.append(device)
    return chosen


def _all_written_to(devices: Sequence[Device]) -> list[Device]:
    found = [device for device in devices if device.medium and not device.medium.read_only]
    if not found:
        raise Failure("the VM has no disk that its guest can write to", "Name others by --disk.")
    # A chain that lacks one is taken for the whole VM when it is restored.
    hindered = [f"{plain(device.title)}: {device.obstacle}" for device in found if device.obstacle]
    if hindered:
        advice = "A chain is of all disks that the guest can write to, or of those named by --disk."
        raise Failure(f"not every disk can be backed up now: {'; '.join(hindered)}", advice)
    return found


def whole_path(place: Path) -> Path:
    """The directory as QEMU is to be told it.

    Raises:
        Failure: it is none.
    """
    if not place.is_dir():
        raise Failure(f"{place} is no directory", "Make it first: a chain has one to itself.")
    return place.resolve()


def the_chain(place: Path) -> Kept:
    """The chain of a manifest, or the only one of a directory.

    Raises:
        Failure: there is none, or more than one, or it cannot be read.
    """
    try:
        if place.name.endswith(SUFFIX) and not place.is_dir():
            return read_chain(place.resolve())
        kept, bad = chains_in(whole_path(place))
    except NoManifest as error:
        raise Failure(str(error)) from error
    if len(kept) == 1 and not bad:
        return kept[0]
    if kept:
        names = "\n".join(str(one.path) for one in kept)
        raise Failure(f"{place} has more than one chain", f"Name a manifest:\n{names}")
    raise Failure(str(bad[0]) if bad else f"{place} has no chain")
