"""Which of the VM's own files a target is."""

import posixpath
from collections.abc import Iterator

from tui.backup.rules.case import Case
from tui.vm.filenames import file_behind

_WITHOUT_METADATA = frozenset({"raw", "file", "host_device", "host_cdrom"})


def disk_files(case: Case) -> Iterator[str]:
    """The files of all nodes and chains of the VM."""
    for node in case.vm.nodes:
        yield file_behind(node.filename)
    for device in case.vm.devices:
        if device.medium is not None:
            yield file_behind(device.medium.filename)
            yield from (file_behind(image.filename) for image in device.medium.chain)


def disk_of_target(case: Case) -> str | None:
    """The VM's own file that the target is: by inode where that can be seen, else by its path."""
    if not case.is_drive_backup or not case.name.path:
        return None
    if case.facts is not None and case.facts.same_file_as is not None:
        return case.facts.same_file_as
    path = posixpath.normpath(case.name.path)
    for filename in disk_files(case):
        if filename.startswith("/") and posixpath.normpath(filename) == path:
            return filename
    return None


def is_surely_locked(case: Case, filename: str) -> bool:
    """Whether QEMU holds a lock on one of its own files that keeps even itself from writing.

    A format with metadata always locks its file; a raw one only while a guest device is on top.
    """
    for node in case.vm.nodes:
        if node.driver not in _WITHOUT_METADATA and file_behind(node.filename) == filename:
            return True
    files = (d.medium.filename for d in case.vm.devices if d.attached and d.medium is not None)
    return any(file_behind(file) == filename for file in files)
