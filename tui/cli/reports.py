"""What `devices --json` and `jobs --json` print. These shapes are kept.

Members are spelled as QAPI spells them where QAPI has them. Sizes are bytes, rates bytes a second,
times seconds.
"""

from pydantic import BaseModel, ConfigDict, computed_field

from tui.backup.advice import advice_for
from tui.vm.job import Job
from tui.vm.snapshot import Device, Medium, VmSnapshot


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Report(BaseModel):
    """What is printed as JSON: members are spelled as QAPI spells them."""

    model_config = ConfigDict(frozen=True, alias_generator=_kebab, populate_by_name=True)


class VmReport(Report):
    """The VM; `status` is a `RunState`, `qemu` the version."""

    monitor: str
    name: str
    uuid: str
    qemu: str
    status: str

    @classmethod
    def of(cls, vm: VmSnapshot) -> "VmReport":
        """From what a worker knows."""
        version = str(vm.version.qemu) if vm.version else ""
        return cls(
            monitor=vm.address, name=vm.name, uuid=vm.uuid, qemu=version, status=vm.run_state
        )


class ImageReport(Report):
    """One image of a backing chain."""

    filename: str
    format: str
    virtual_size: int
    actual_size: int | None


class BitmapReport(Report):
    """A dirty bitmap; `count` is the dirty part in bytes."""

    name: str
    count: int
    granularity: int
    recording: bool
    busy: bool
    persistent: bool
    inconsistent: bool


class MediumReport(Report):
    """What is in a device; `chain` begins with the image itself."""

    node_name: str
    driver: str
    file: str
    virtual_size: int
    actual_size: int | None
    cluster_size: int | None
    read_only: bool
    encrypted: bool
    chain: tuple[ImageReport, ...]
    bitmaps: tuple[BitmapReport, ...]

    @classmethod
    def of(cls, medium: Medium) -> "MediumReport":
        """From what a worker knows."""
        chain = (ImageReport.model_validate(i, from_attributes=True) for i in medium.chain)
        bitmaps = (BitmapReport.model_validate(b, from_attributes=True) for b in medium.bitmaps)
        return cls(
            node_name=medium.node_name,
            driver=medium.driver,
            file=medium.filename,
            virtual_size=medium.virtual_size,
            actual_size=medium.actual_size,
            cluster_size=medium.cluster_size,
            read_only=medium.read_only,
            encrypted=medium.encrypted,
            chain=tuple(chain),
            bitmaps=tuple(bitmaps),
        )


class DeviceReport(Report):
    """One disk.

    `use` is what to give as `device=`, `obstacle` why it cannot be backed up now; each is null
    where there is none. `device` is empty for a disk attached by node-name. `jobs` are ids.
    """

    device: str
    use: str | None
    obstacle: str | None
    qdev: str | None
    attached: bool
    removable: bool
    tray_open: bool
    io_status: str | None
    jobs: tuple[str, ...]
    inserted: MediumReport | None

    @classmethod
    def of(cls, device: Device) -> "DeviceReport":
        """From what a worker knows."""
        return cls(
            device=device.device,
            use=device.backup_name,
            obstacle=device.obstacle,
            qdev=device.qdev,
            attached=device.attached,
            removable=device.removable,
            tray_open=device.tray_open,
            io_status=device.io_status,
            jobs=device.jobs,
            inserted=MediumReport.of(device.medium) if device.medium else None,
        )


class JobReport(Report):
    """One block job.

    `ours` tells whether BlockDeck started it. `status` is a `JobStatus`; `outcome` is succeeded,
    failed, cancelled or lost once it has ended, with the reason in `detail`.
    """

    id: str
    type: str
    device: str
    target: str
    status: str
    paused: bool
    ours: bool
    offset: int
    len: int
    speed: int
    rate: float | None
    eta: float | None
    io_status: str
    outcome: str | None
    detail: str
    error: str | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def advice(self) -> str | None:
        """What to do about the error."""
        return advice_for(self.error) if self.error else None

    @classmethod
    def of(cls, job: Job) -> "JobReport":
        """From what a worker knows."""
        return cls.model_validate(job, from_attributes=True)


class DevicesReport(Report):
    """The answer of `devices --json`."""

    vm: VmReport
    devices: tuple[DeviceReport, ...]


class JobsReport(Report):
    """The answer of `jobs --json`."""

    vm: VmReport
    jobs: tuple[JobReport, ...]
