"""The immutable picture of one VM that goes up to the screens and into the rules.

Times are seconds of the worker's monotonic clock, sizes are bytes, rates bytes a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from tui.qmp.models import BlockdevCacheInfo, BlockDirtyInfo, ImageInfo, JobInfo, VersionInfo
from tui.vm.failures import Failures
from tui.vm.filenames import is_temporary_snapshot
from tui.vm.graph import Graph
from tui.vm.job import Job
from tui.vm.latency import Wait
from tui.vm.traps import Traps, traps_of

DRY_RUN_PREFIX = "blockdeck-dry-"
"""Names of the nodes that stand for a target while QEMU is asked what it would say."""

BACKUP_FILTER_DRIVERS = frozenset({"backup-top", "copy-before-write"})
"""Drivers of the node a backup job puts on top of a disk (QEMU 5.2, later)."""


class Link(StrEnum):
    """How the connection to the monitor stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    NOT_ANSWERING = "not answering"
    LOST = "lost"


class Connection(NamedTuple):
    """The state of the link, why, and since when (monotonic seconds)."""

    link: Link = Link.CONNECTING
    detail: str = ""
    advice: str = ""
    since: float = 0.0


class Throughput(NamedTuple):
    """What the guest reads and writes, averaged between two looks at `query-blockstats`."""

    read: float = 0.0
    write: float = 0.0


class Limits(NamedTuple):
    """Throttling of a device; 0 is unlimited."""

    bps: int = 0
    bps_rd: int = 0
    bps_wr: int = 0
    iops: int = 0
    iops_rd: int = 0
    iops_wr: int = 0
    group: str | None = None


class Medium(NamedTuple):
    """What is in a device: the root block node, as it is below any filter of a running backup."""

    node_name: str
    driver: str
    filename: str
    virtual_size: int
    actual_size: int | None = None
    cluster_size: int | None = None
    backing_file: str | None = None
    backing_depth: int = 0
    chain: tuple[ImageInfo, ...] = ()
    read_only: bool = False
    encrypted: bool = False
    detect_zeroes: str = "off"
    cache: BlockdevCacheInfo | None = None
    limits: Limits = Limits()
    bitmaps: tuple[BlockDirtyInfo, ...] = ()
    write_threshold: int = 0

    @property
    def allocated(self) -> int | None:
        """Bytes that the whole chain holds, as far as the disk is large; None is not known.

        QEMU tells 0 of what lies on a block device.
        """
        sizes = [image.actual_size for image in self.chain] or [self.actual_size]
        held = [size for size in sizes if size]
        return min(sum(held), self.virtual_size) if len(held) == len(sizes) else None

    @property
    def temporary_snapshot(self) -> bool:
        """Whether this is the throw-away overlay of `-drive …,snapshot=on` (danger X3)."""
        return is_temporary_snapshot(self.filename)


class Device(NamedTuple):
    """One disk: an entry of `query-block`, or a root node that nothing is attached to.

    `key` identifies it for as long as it exists, also while a backup's filter hides its node.
    `busy_with` is the driver of a job's filter that stands on it (QEMU then refuses another job).
    `writes` and `reads` tell how long those of the guest take, `failures` how many of its writes
    have failed under the last job under which one did.
    """

    key: str
    device: str = ""
    qdev: str | None = None
    attached: bool = True
    removable: bool = False
    tray_open: bool = False
    io_status: str | None = None
    medium: Medium | None = None
    busy_with: str | None = None
    jobs: tuple[str, ...] = ()
    throughput: Throughput | None = None
    writes: Wait = Wait()
    reads: Wait = Wait()
    failures: Failures | None = None

    @property
    def backup_name(self) -> str | None:
        """What to send as `device`: the backend's name, else the node-name; None without medium."""
        if self.medium is None:
            return None
        return self.device or self.medium.node_name or None

    @property
    def title(self) -> str:
        """What to call the disk on the screen."""
        return self.device or (self.medium.node_name if self.medium else "") or self.qdev or "?"

    @property
    def obstacle(self) -> str | None:
        """Why this disk cannot be backed up now; None if it can."""
        if self.medium is None:
            return "no medium" if not self.tray_open else "no medium, tray open"
        if not self.backup_name:
            return "no name to address it by"
        if self.busy_with is not None or self.jobs:
            running = f" {self.jobs[0]}" if self.jobs else ""
            return f"busy with job{running}"
        return None


class Node(NamedTuple):
    """A named block node, any of the graph (`query-named-block-nodes`)."""

    name: str
    driver: str
    filename: str
    virtual_size: int
    read_only: bool = False
    bitmaps: tuple[BlockDirtyInfo, ...] = ()


@dataclass(frozen=True)
class VmSnapshot:
    """Everything known about one VM at one moment. A new one replaces the old; none is changed.

    `job_infos` are all jobs that QEMU holds, also those that are none of a disk. `graph` tells how
    the nodes hang together. `copy_on_read` names the backends that were opened so, and
    `nodes_at_start` the nodes given on the command line, as far as is known. `read_only` tells that
    QEMU is sent nothing but questions. `audit_problem` tells why the last line of the audit log
    could not be written. `frozen_since` is since when this BlockDeck has the guest frozen,
    None while it has not. `stopped_since` is when it was seen that the guest stopped, None while it
    runs and where nobody saw it. `label` is what it is called among those that are open with it.
    """

    address: str = ""
    label: str = ""
    connection: Connection = field(default=Connection())
    name: str = ""
    uuid: str = ""
    version: VersionInfo | None = None
    run_state: str = ""
    stopped_since: float | None = None
    devices: tuple[Device, ...] = ()
    nodes: tuple[Node, ...] = ()
    jobs: tuple[Job, ...] = ()
    job_infos: tuple[JobInfo, ...] = ()
    graph: Graph = field(default_factory=lambda: Graph(None), compare=False)
    copy_on_read: frozenset[str] = frozenset()
    nodes_at_start: frozenset[str] = frozenset()
    taken: float = 0.0
    loaded: bool = False
    read_only: bool = False
    audit_problem: str = ""
    frozen_since: float | None = None

    @property
    def version_number(self) -> tuple[int, int]:
        """QEMU's major and minor version; (0, 0) while unknown."""
        return (self.version.qemu.major, self.version.qemu.minor) if self.version else (0, 0)

    @property
    def major(self) -> int:
        """QEMU's major version; 0 while unknown."""
        return self.version.qemu.major if self.version else 0

    @property
    def traps(self) -> Traps:
        """What this QEMU does wrong."""
        return traps_of(self.major)

    @property
    def answers(self) -> bool:
        """Whether what is known of it is as it is now, and not as it was when it last answered."""
        return self.connection.link in (Link.CONNECTING, Link.CONNECTED)

    @property
    def title(self) -> str:
        """What to call the VM on the screen."""
        return self.label or self.name or self.address

    def device(self, key: str) -> Device | None:
        """The disk with that key."""
        return self._by_key.get(key)

    # These are asked for many times of each picture, and there may be thousands of disks.
    @cached_property
    def _by_key(self) -> Mapping[str, Device]:
        return {device.key: device for device in reversed(self.devices)}

    @cached_property
    def _by_id(self) -> Mapping[str, Job]:
        found: dict[str, Job] = {}
        for job in self.jobs:
            if job.live or job.id not in found or not found[job.id].live:
                found[job.id] = job
        return found

    def device_named(self, name: str) -> Device | None:
        """The disk that QEMU means by `device=name`: backend name or root node-name."""
        for device in self.devices:
            if name and name in (device.device, device.medium and device.medium.node_name):
                return device
        return None

    def job(self, job_id: str) -> Job | None:
        """The job with that id; of several (an id can be used again) the live, or the last."""
        return self._by_id.get(job_id)

    def job_to_be(self, arguments: Mapping[str, object]) -> Job:
        """The job that a backup would be; without `job-id` QEMU takes the backend's name."""
        name = str(arguments.get("device", ""))
        device = self.device_named(name)
        return Job(
            id=str(arguments.get("job-id") or (device.device if device else "")),
            type="backup",
            ours=True,
            device_key=device.key if device else None,
            device=device.title if device else name,
            target=str(arguments.get("target", "")),
            asked=speed if isinstance(speed := arguments.get("speed"), int) else None,
            target_open=self.traps.target_closes_late,
            # QEMU tells them too, but only of a job that is there when it is asked.
            auto_finalize=arguments.get("auto-finalize") is not False,
            auto_dismiss=arguments.get("auto-dismiss") is not False,
        )

    @property
    def job_ids(self) -> frozenset[str]:
        """The ids of all jobs that QEMU holds."""
        return frozenset(info.id for info in self.job_infos)

    @cached_property
    def live_jobs(self) -> tuple[Job, ...]:
        """Jobs that QEMU may still be working on."""
        return tuple(job for job in self.jobs if job.live)
