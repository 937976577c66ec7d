"""The backup's target: what is known of it on the host of QEMU, and what to suggest for it."""

import re
from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui.vm.job import OUR_JOB_PREFIX

FileKind = Literal["file", "directory", "block", "char", "fifo", "socket"]


class TargetFacts(BaseModel):
    """What the file system that QEMU sees says about a target path.

    None is "cannot be told". Where `visible` is False the file system of QEMU is not ours, and
    nothing else is known. `modified` is seconds since the epoch, sizes are bytes; `writable` is
    meant for the user that runs QEMU, and `protected` tells that the kernel keeps that user from
    creating over the file in a sticky directory. `image_format`, `virtual_size`, `cluster_size` and
    `backing_file` are read from the header of an existing image; `backing_usable` tells whether
    all of its chain is there and nobody writes to it. `same_file_as` is the file of a disk of this
    VM that is the same by inode. `locked` tells that a process holds a QEMU image lock on it that
    keeps others from writing. `name_too_long` and `link_loop` are told of the path. `seen_at` is
    when all this was so, in seconds since the epoch.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    path: str
    visible: bool = False
    exists: bool | None = None
    kind: FileKind | None = None
    size: int | None = None
    modified: float | None = None
    image_format: str | None = None
    virtual_size: int | None = None
    cluster_size: int | None = None
    backing_file: str | None = None
    backing_usable: bool | None = None
    parent_exists: bool | None = None
    parent_is_directory: bool | None = None
    writable: bool | None = None
    protected: bool = False
    free_bytes: int | None = None
    filesystem: str | None = None
    same_file_as: str | None = None
    same_filesystem_as_source: bool | None = None
    locked: bool | None = None
    name_too_long: bool = False
    link_loop: bool = False
    seen_at: float | None = None


_EXTENSIONS = {"raw": "raw", "file": "raw", "host_device": "raw", "vpc": "vhd", "luks": "luks"}
_LONGEST_NAME = 200


def extension(image_format: str) -> str:
    """The usual file name extension of an image format."""
    plain = re.sub(r"[^A-Za-z0-9]", "", image_format)
    return _EXTENSIONS.get(image_format, plain or "img")


def _file_name_part(name: str, longest: int) -> str:
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    return kept[:longest].rstrip("-.") or "disk"


def suggest_target(directory: str, device_name: str, now: datetime, image_format: str) -> str:
    """An absolute path for a new backup: device, date and time, extension of the format.

    A directory that is not absolute or holds control characters is taken as `/`.
    """
    if not directory.startswith("/") or not directory.isprintable():
        directory = "/"
    stem = f"{_file_name_part(device_name, _LONGEST_NAME)}-{now:%Y%m%d-%H%M%S}"
    return str(PurePosixPath(directory) / f"{stem}.{extension(image_format)}")


def suggest_job_id(device_name: str, now: datetime) -> str:
    """A job id that QEMU takes and that tells a later BlockDeck that the job is its own."""
    return f"{OUR_JOB_PREFIX}{_file_name_part(device_name, 60)}-{now:%Y%m%d-%H%M%S}"


_PROTOCOL = re.compile(r"([^/:]*):")


class TargetName(BaseModel):
    """A `target` of `drive-backup` as QEMU reads it.

    `protocol` is what stands before the first colon if no slash does, `path` the file name of a
    target that is a file, None of any other.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    protocol: str | None
    path: str | None

    @classmethod
    def of(cls, target: str) -> "TargetName":
        """Take a target apart; `file:` is a prefix that QEMU strips."""
        match = _PROTOCOL.match(target)
        if match is None:
            return cls(protocol=None, path=target)
        if match[1] == "file":
            return cls(protocol="file", path=target.removeprefix("file:"))
        return cls(protocol=match[1], path=None)
