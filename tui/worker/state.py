"""What a worker knows of its VM: fed by events and polls, read as snapshots."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tui.host.cmdline import copy_on_read_drives, nodes_at_start
from tui.qmp.models import JobInfo, QmpEvent, VersionInfo
from tui.qmp.queries import Queries
from tui.vm.care import JobCare
from tui.vm.events import EventLog
from tui.vm.graph import Graph
from tui.vm.guest_io import GuestIo
from tui.vm.inventory import Inventory, Replies, build_inventory
from tui.vm.job import Job
from tui.vm.jobs import JobTracker
from tui.vm.snapshot import Connection, Device, Link, VmSnapshot
from tui.vm.stats import sample_stats
from tui.vm.traps import traps_of
from tui.vm.trouble import RUNNING, STOPPED_BY_ERROR
from tui.worker.due import Due
from tui.worker.pace import Pace


class VmState:
    """The knowledge about one VM.

    Args:
        address: the monitor, as shown.
        pace: how often the disks are listed.
        changed: called, in the event loop, whenever something is different.
        read_only: whether QEMU is only asked.

    Attributes:
        due: what should be asked of QEMU soon.
    """

    def __init__(
        self, address: str, pace: Pace, changed: Callable[[], None], read_only: bool = False
    ) -> None:
        self.events = EventLog()
        self.tracker = JobTracker(time.monotonic, time.time)
        self.due = Due(pace)
        self.ending = False
        self.care: Mapping[int, JobCare] = {}
        self.io = GuestIo()
        self._notify = changed
        self._inventory = Inventory()
        self._job_infos: tuple[JobInfo, ...] = ()
        self._picture = VmSnapshot(address=address, read_only=read_only)
        self._stale = False
        # None is that they may be different.
        self._devices: tuple[Device, ...] | None = None
        self._unwatched_since: float | None = None

    @property
    def read_only(self) -> bool:
        """Whether QEMU is only asked."""
        return self._picture.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._picture = replace(self._picture, read_only=value)
        self._stale = True

    @property
    def name(self) -> str:
        """What QEMU calls the VM."""
        return self._picture.name

    @property
    def news(self) -> tuple[int, bool, Link]:
        """The number of events, whether all was asked once, and how the line stands."""
        return self.events.total, self._picture.loaded, self._picture.connection.link

    @property
    def snapshot(self) -> VmSnapshot:
        """The present picture, composed when somebody looks and something changed."""
        if self._stale:
            self._stale = False
            if self._devices is None:
                self._devices = tuple(map(self.io.of, self._inventory.devices))
            self._picture = replace(
                self._picture,
                devices=self._devices,
                nodes=self._inventory.nodes,
                jobs=tuple(map(self._with_care, self.tracker.jobs())),
                job_infos=self._job_infos,
                graph=self._inventory.graph,
                taken=time.monotonic(),
            )
        return self._picture

    def _with_care(self, job: Job) -> Job:
        if not job.live:
            return job
        heard = self._picture.connection.link is Link.CONNECTED
        care = self.care.get(job.key, job.care)
        if (care, heard) == (job.care, job.heard):
            return job
        return replace(job, care=care, heard=heard)

    @property
    def filenames(self) -> tuple[str, ...]:
        """Every file that belongs to a disk of the VM."""
        nodes = [node.filename for node in self._inventory.nodes]
        media = [device.medium for device in self._inventory.devices if device.medium]
        chains = [image.filename for medium in media for image in medium.chain]
        return tuple(dict.fromkeys(name for name in (*nodes, *chains) if name))

    def first_rate_due_in(self) -> float:
        """Seconds until a second look tells a first rate; infinite where there is one already."""
        due = self.io.first_rate_at
        return max(0.0, due - time.monotonic()) if due is not None else float("inf")

    def changed(self) -> None:
        """Say that something is different, but not about a disk."""
        self._stale = True
        self._notify()

    def disks_changed(self) -> None:
        """Say that something is different, perhaps about a disk."""
        self._devices = None
        self.changed()

    # --- fed by the session ----------------------------------------------------------------------

    def on_event(self, event: QmpEvent) -> bool:
        """Take in an event; returns whether it gives reason to ask QEMU something soon."""
        self.events.add(event)
        # Most of a flood says nothing that the picture shows. It is looked at dozens of times for a
        # key, and with thousands of disks to compose it anew each time would be felt.
        self._stale = self.tracker.on_event(event) or self._stale
        if event.event == "SHUTDOWN":
            self.ending = True
        elif event.event in ("STOP", "RESUME"):
            # Under -no-shutdown it goes on.
            self.ending = False
            stopped = time.monotonic() if event.event == "STOP" else None
            self._picture = replace(self._picture, stopped_since=stopped)
        due = self.due.hint(event)
        self._notify()
        return due

    def identify(self, *, name: str, uuid: str, version: VersionInfo, run_state: str) -> None:
        """A session came about with this VM; rates start anew."""
        self.io.interrupt()
        self.ending = False
        self._picture = replace(self._picture, name=name, uuid=uuid, version=version)
        self._note_run_state(run_state)
        self.disks_changed()

    def call(self, label: str) -> None:
        """The VM is called so on the screens."""
        if label != self._picture.label:
            self._picture = replace(self._picture, label=label)
            self.changed()

    def forget(self, reason: str) -> None:
        """The QEMU that was watched is another one now: its jobs are lost, its disks unknown."""
        self._end(reason)
        self._inventory = Inventory()
        self.io = GuestIo()
        self.disks_changed()

    def started_as(self, cmdline: Sequence[str]) -> None:
        """The command line of the QEMU, where it is seen: it tells what no query does."""
        slow, nodes = copy_on_read_drives(cmdline), nodes_at_start(cmdline)
        self._picture = replace(self._picture, copy_on_read=slow, nodes_at_start=nodes)

    def gone(self, reason: str) -> None:
        """The QEMU that was watched has ended: so have its jobs. Its disks stay on show."""
        self._end(reason)
        left = (
            device._replace(io_status=None, busy_with=None, jobs=())
            for device in self._inventory.devices
        )
        self._inventory = replace(self._inventory, devices=tuple(left), job_devices={})
        self.io.interrupt()
        self.disks_changed()

    def _end(self, reason: str) -> None:
        """What only a QEMU has that lives is so no more."""
        self.tracker.on_qemu_gone(reason)
        self._job_infos = ()
        self._picture = replace(self._picture, run_state="", stopped_since=None)

    def loaded(self) -> None:
        """Everything has been asked once."""
        if self._unwatched_since is not None:
            self.events.mark_gap(self._unwatched_since, time.time())
            self._unwatched_since = None
        self._picture = replace(self._picture, loaded=True)
        self.set_link(Link.CONNECTED)
        self.changed()

    def note_audit(self, problem: str) -> None:
        """Whether the audit log is written; empty is that it is."""
        if problem != self._picture.audit_problem:
            self._picture = replace(self._picture, audit_problem=problem)
            self.changed()

    def note_freeze(self, since: float | None) -> None:
        """The guest's file systems are frozen since then (monotonic), or not any more."""
        self._picture = replace(self._picture, frozen_since=since)
        self.changed()

    def set_link(
        self, link: Link, detail: str = "", advice: str = "", since: float | None = None
    ) -> None:
        """The connection stands differently; `since` (monotonic) where not just now."""
        present = self._picture.connection
        if (present.link, present.detail) == (link, detail):
            return
        if link is Link.LOST and present.link is not Link.LOST and self._picture.loaded:
            self._unwatched_since = self._unwatched_since or time.time()
        if present.link is link:
            since = present.since
        elif since is None:
            since = time.monotonic()
        self._picture = replace(self._picture, connection=Connection(link, detail, advice, since))
        self.changed()

    # --- fed by polls ----------------------------------------------------------------------------

    async def poll_run_state(self, ask: Queries) -> None:
        """Ask whether the guest runs."""
        with self.due.asking_run_state():
            run_state = await ask.run_state()
            if run_state == STOPPED_BY_ERROR != self._picture.run_state:
                # Whoever hears that an error stopped the guest hears at once of which disk.
                await self.poll_inventory(ask)
        self._note_run_state(run_state)
        self.changed()

    def _note_run_state(self, run_state: str) -> None:
        # That it runs again may have been told to nobody.
        stopped = None if run_state == RUNNING else self._picture.stopped_since
        self._picture = replace(self._picture, run_state=run_state, stopped_since=stopped)

    async def poll_graph(self, ask: Queries) -> None:
        """Ask which nodes there are, before the jobs that may have left some."""
        self.tracker.know_nodes(Graph(await ask.graph()).names)

    async def poll_jobs(self, ask: Queries) -> None:
        """Ask for the jobs and their progress."""
        mark = self.tracker.mark()
        jobs = await ask.jobs()
        self._job_infos = jobs
        self.tracker.on_poll(jobs, await ask.block_jobs(), mark)
        self._locate_jobs()
        self.changed()

    async def poll_inventory(self, ask: Queries) -> None:
        """Ask for the disks, and for the named nodes only where that cannot hurt (danger X2)."""
        with self.due.listing():
            replies = Replies(
                blocks=await ask.blocks(),
                named=await ask.named_nodes() if await self._may_ask_for_nodes(ask) else None,
                graph=await ask.graph(),
            )
        self._inventory, self._devices = build_inventory(replies, self._inventory), None
        self.tracker.know_nodes(self._inventory.graph.names)
        self._locate_jobs()
        await self.poll_stats(ask)

    async def _may_ask_for_nodes(self, ask: Queries) -> bool:
        if not traps_of(ask.session.greeting.version.qemu.major).listing_nodes_kills:
            return True
        # A start of ours that is sent behind this question shows in the tracker, and is sent before
        # the next one.
        return not await ask.jobs() and not self.tracker.busy

    async def poll_stats(self, ask: Queries) -> None:
        """Ask what the guest has read and written."""
        sample = sample_stats(await ask.stats(), time.monotonic())
        self.io.add(sample, self._disks_with_jobs())
        self.disks_changed()

    def _disks_with_jobs(self) -> Mapping[str, int]:
        """The `key` of the job that works on each disk."""
        live = (job for job in self.tracker.jobs() if job.live)
        return {job.device_key: job.key for job in live if job.device_key is not None}

    def _locate_jobs(self) -> None:
        titles = {device.key: device.title for device in self._inventory.devices}
        places = self._inventory.job_devices
        self.tracker.locate(
            {job: (key, titles.get(key, key)) for job, key in places.items()},
            self._inventory.job_targets,
        )
