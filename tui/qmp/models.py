"""What QEMU says over QMP, as immutable models named after their QAPI types.

A field is the QAPI member in snake case; its alias is QEMU's kebab-case spelling. Members that are
newer than QEMU 5.2, or that QEMU leaves out, are optional here. Unknown members are ignored, so
that a newer QEMU never breaks an older BlockDeck.
"""

import functools
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

# The older QAPI members that are spelled with underscores.
_UNDERSCORED = frozenset(
    {
        "backing_file",
        "backing_file_depth",
        "bps_rd",
        "bps_wr",
        "iops_rd",
        "iops_wr",
        "tray_open",
        "write_threshold",
        "rd_bytes",
        "wr_bytes",
        "rd_operations",
        "wr_operations",
        "rd_total_time_ns",
        "wr_total_time_ns",
    }
)


def _qapi_spelling(name: str) -> str:
    return name if name in _UNDERSCORED else name.replace("_", "-")


class QapiModel(BaseModel):
    """Base of every model of a QMP reply or event."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=_qapi_spelling,
        populate_by_name=True,
        # A model is built when it is first read: most are not when the UI starts.
        defer_build=True,
    )


# --- the connection -----------------------------------------------------------------------------


class QemuVersionTriple(QapiModel):
    """`VersionTriple`: major, minor and micro of a QEMU release."""

    major: int
    minor: int
    micro: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.micro}"


class VersionInfo(QapiModel):
    """`VersionInfo`: the version in QMP's greeting and the distributor's package string."""

    qemu: QemuVersionTriple
    package: str = ""


class Greeting(QapiModel):
    """The object inside `{"QMP": …}` that a monitor sends first."""

    version: VersionInfo
    capabilities: tuple[str, ...] = ()


class Timestamp(QapiModel):
    """Host time of an event in seconds and microseconds since the epoch."""

    seconds: int = 0
    microseconds: int = 0

    @property
    def epoch(self) -> float:
        """Seconds since the epoch; QEMU sends -1 when its clock failed."""
        return self.seconds + self.microseconds / 1_000_000


class QmpEvent(QapiModel):
    """One asynchronous event. `STOP`, `RESUME` and some others carry no `data`."""

    event: str
    timestamp: Timestamp = Timestamp()
    data: Mapping[str, Any] = Field(default_factory=dict)


class NameInfo(QapiModel):
    """`NameInfo` of `query-name`."""

    name: str | None = None


class UuidInfo(QapiModel):
    """`UuidInfo` of `query-uuid`."""

    UUID: str = Field(alias="UUID")


class CpuInfoFast(QapiModel):
    """`CpuInfoFast` of `query-cpus-fast`."""

    cpu_index: int
    thread_id: int


class StatusInfo(QapiModel):
    """`StatusInfo` of `query-status`; `status` is a `RunState`."""

    status: str
    running: bool


# --- block devices ------------------------------------------------------------------------------


class BlockDirtyInfo(QapiModel):
    """`BlockDirtyInfo`: a dirty bitmap; `count` is the dirty part in bytes."""

    name: str = ""
    count: int = 0
    granularity: int = 0
    recording: bool = False
    busy: bool = False
    persistent: bool = False
    inconsistent: bool = False


class ImageInfo(QapiModel):
    """`ImageInfo`: one image file; sizes in bytes, `backing_image` is the next in the chain."""

    filename: str
    format: str
    virtual_size: int
    actual_size: int | None = None
    cluster_size: int | None = None
    encrypted: bool = False
    backing_filename: str | None = None
    backing_image: "ImageInfo | None" = None

    def chain(self) -> "tuple[ImageInfo, ...]":
        """This image and all it is backed by, the topmost first."""
        below = self.backing_image.chain() if self.backing_image else ()
        return (self, *below)


class BlockdevCacheInfo(QapiModel):
    """`BlockdevCacheInfo`: the cache mode in use."""

    writeback: bool
    direct: bool
    no_flush: bool


class BlockDeviceInfo(QapiModel):
    """`BlockDeviceInfo`: a block node (`inserted` of `query-block`, or a named node).

    The throttling members are limits in bytes or operations per second; 0 is unlimited.
    """

    file: str
    node_name: str | None = None
    ro: bool = False
    drv: str
    backing_file: str | None = None
    backing_file_depth: int = 0
    encrypted: bool = False
    detect_zeroes: str = "off"
    bps: int = 0
    bps_rd: int = 0
    bps_wr: int = 0
    iops: int = 0
    iops_rd: int = 0
    iops_wr: int = 0
    group: str | None = None
    image: ImageInfo
    cache: BlockdevCacheInfo | None = None
    write_threshold: int = 0
    dirty_bitmaps: tuple[BlockDirtyInfo, ...] = ()


class BlockInfo(QapiModel):
    """`BlockInfo` of `query-block`.

    `device` is "" for a `-blockdev` disk; without `inserted` there is no medium.
    """

    device: str
    qdev: str | None = None
    type: str = "unknown"
    removable: bool = False
    locked: bool = False
    tray_open: bool | None = None
    io_status: str | None = None
    inserted: BlockDeviceInfo | None = None
    dirty_bitmaps: tuple[BlockDirtyInfo, ...] = ()


class BlockDeviceStats(QapiModel):
    """`BlockDeviceStats`: totals since the VM started; times in nanoseconds."""

    rd_bytes: int = 0
    wr_bytes: int = 0
    rd_operations: int = 0
    wr_operations: int = 0
    rd_total_time_ns: int = 0
    wr_total_time_ns: int = 0
    failed_wr_operations: int = 0


class BlockStats(QapiModel):
    """`BlockStats` of `query-blockstats`, one entry a device."""

    device: str | None = None
    qdev: str | None = None
    node_name: str | None = None
    stats: BlockDeviceStats = BlockDeviceStats()


class XDbgBlockGraphNode(QapiModel):
    """`XDbgBlockGraphNode`: `type` is block-backend, block-job or block-driver."""

    id: int
    type: str
    name: str


class XDbgBlockGraphEdge(QapiModel):
    """`XDbgBlockGraphEdge`: `name` is the child's role (file, backing, target, root, …)."""

    parent: int
    child: int
    name: str


class XDbgBlockGraph(QapiModel):
    """`XDbgBlockGraph` of `x-debug-query-block-graph` (since QEMU 4.0, unstable)."""

    nodes: tuple[XDbgBlockGraphNode, ...] = ()
    edges: tuple[XDbgBlockGraphEdge, ...] = ()


class BlockExportInfo(QapiModel):
    """`BlockExportInfo` of `query-block-exports` (since QEMU 5.2)."""

    id: str
    type: str
    node_name: str


# --- jobs ---------------------------------------------------------------------------------------


class JobInfo(QapiModel):
    """`JobInfo` of `query-jobs`; `error` only once concluded with one."""

    id: str
    type: str
    status: str
    current_progress: int = 0
    total_progress: int = 0
    error: str | None = None


class BlockJobInfo(QapiModel):
    """`BlockJobInfo` of `query-block-jobs`; `device` is the job's id, `speed` in bytes a second."""

    device: str
    type: str
    len: int = 0
    offset: int = 0
    busy: bool = False
    paused: bool = False
    speed: int = 0
    io_status: str = "ok"
    ready: bool = False
    status: str = "undefined"
    auto_finalize: bool = True
    auto_dismiss: bool = True
    error: str | None = None


_T = TypeVar("_T", bound=QapiModel)


def each(model: type[_T], reply: object) -> tuple[_T, ...]:
    """Read a reply that is a list of one QAPI type.

    Raises:
        pydantic.ValidationError: the reply is not such a list.
    """
    return _tuples_of(model).validate_python(reply)


@functools.cache
def _tuples_of(model: type[_T]) -> TypeAdapter[tuple[_T, ...]]:
    """To make one takes longer than most replies."""
    # For mypy a type that is made at run time is none.
    return TypeAdapter(tuple[model, ...])  # type: ignore[valid-type]
