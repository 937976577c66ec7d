"""The arguments of `drive-backup` as models named after their QAPI types.

What QEMU is sent is a plain mapping spelled as QEMU spells it; these models read and write it where
code wants names and types. They know the arguments up to QEMU 11.1; the rules ask the schema of the
QEMU at hand instead.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Json = JsonValue
"""Any value of JSON."""

DRIVE_BACKUP = "drive-backup"
BLOCKDEV_BACKUP = "blockdev-backup"


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Arguments(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=_kebab,
        populate_by_name=True,
        defer_build=True,
    )

    def to_qmp(self) -> dict[str, Any]:
        """The given members alone, spelled as QEMU spells them."""
        return self.model_dump(by_alias=True, exclude_none=True)


class BackupPerf(_Arguments):
    """`BackupPerf` (since QEMU 6.0, unstable): how the data is copied.

    `max_chunk` and `min_cluster_size` (since 9.2) are bytes; a `max_chunk` of 0 is no limit.
    """

    use_copy_range: bool | None = None
    max_workers: int | None = None
    max_chunk: int | None = None
    min_cluster_size: int | None = None


class DriveBackup(_Arguments):
    """`DriveBackup`: one backup of a disk to a file.

    `device` is a backend's name or a node-name, `target` a file name on the host of QEMU, `speed`
    bytes a second with 0 for no limit. `on_cbw_error` is new in QEMU 10.1, `discard_source` in 9.1.
    None is "not given": QEMU then takes its default.
    """

    device: str
    target: str
    sync: str
    job_id: str | None = None
    speed: int | None = None
    bitmap: str | None = None
    bitmap_mode: str | None = None
    compress: bool | None = None
    on_source_error: str | None = None
    on_target_error: str | None = None
    on_cbw_error: str | None = None
    auto_finalize: bool | None = None
    auto_dismiss: bool | None = None
    filter_node_name: str | None = None
    discard_source: bool | None = None
    x_perf: BackupPerf | None = Field(default=None)
    format: str | None = None
    mode: str | None = None


def command(execute: str, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The QMP command that carries these arguments."""
    return {"execute": execute, "arguments": dict(arguments)}
