"""Pictures of VMs and schemas for the rules, without a QEMU."""

from collections.abc import Iterable
from typing import Any

from tui.backup.judge import judge
from tui.backup.target import TargetFacts
from tui.backup.verdict import Finding, Severity, Verdict
from tui.backup.way import Way
from tui.qmp.models import BlockDirtyInfo, ImageInfo, QemuVersionTriple, VersionInfo
from tui.qmp.schema import QmpSchema
from tui.vm.job import Job
from tui.vm.snapshot import Device, Medium, Node, VmSnapshot

GIB = 1 << 30

_STRINGS = ("job-id", "device", "bitmap", "filter-node-name")
_ENUMS = {
    "sync": ("top", "full", "none", "incremental", "bitmap"),
    "bitmap-mode": ("on-success", "never", "always"),
    "on-source-error": ("report", "ignore", "enospc", "stop", "auto"),
    "on-target-error": ("report", "ignore", "enospc", "stop", "auto"),
    "on-cbw-error": ("break-guest-write", "break-snapshot"),
    "mode": ("existing", "absolute-paths"),
}
_BOOLS = ("compress", "auto-finalize", "auto-dismiss", "discard-source")
_ORDER = (
    *("job-id", "device", "sync", "speed", "bitmap", "bitmap-mode", "compress", "on-source-error"),
    *("on-target-error", "on-cbw-error", "auto-finalize", "auto-dismiss", "filter-node-name"),
    *("discard-source", "x-perf", "target", "format", "mode"),
)
_REQUIRED = ("device", "target", "sync")
_PERF = {
    "use-copy-range": "bool",
    "max-workers": "int",
    "max-chunk": "int",
    "min-cluster-size": "int",
}
DRIVERS = (
    *("blkdebug", "copy-on-read", "file", "host_device", "luks", "nbd", "null-co", "parallels"),
    *("qcow", "qcow2", "qed", "raw", "ssh", "throttle", "vdi", "vhdx", "vmdk", "vpc"),
)


def _member(name: str, kind: str, *, required: bool, features: Iterable[str] = ()) -> Any:
    member: dict[str, Any] = {"name": name, "type": kind, "features": list(features)}
    return member if required else {**member, "default": None}


def _kind(name: str) -> str:
    if name in _ENUMS:
        return f"enum-{name}"
    if name in _BOOLS:
        return "bool"
    return {"speed": "int", "x-perf": "perf"}.get(name, "str")


def make_schema(*without: str) -> QmpSchema:
    """The schema of a QEMU that knows all arguments but these."""
    names = [name for name in _ORDER if name not in without]
    unstable = {"x-perf": ("unstable",)}
    arguments = [
        _member(n, _kind(n), required=n in _REQUIRED, features=unstable.get(n, ())) for n in names
    ]
    perf = [_member(n, k, required=False) for n, k in _PERF.items() if f"x-perf.{n}" not in without]
    command = {"meta-type": "command", "ret-type": "void"}
    reply: list[Any] = [
        *({"meta-type": "enum", "name": f"enum-{n}", "values": list(v)} for n, v in _ENUMS.items()),
        *({"meta-type": "builtin", "name": n, "json-type": n} for n in ("str", "int", "bool")),
        {"meta-type": "object", "name": "perf", "members": perf},
        {"meta-type": "object", "name": "void", "members": []},
        {"meta-type": "object", "name": "args", "members": arguments},
        {**command, "name": "drive-backup", "arg-type": "args", "features": ["deprecated"]},
        {**command, "name": "blockdev-backup", "arg-type": "args"},
        {"meta-type": "enum", "name": "drivers", "values": list(DRIVERS)},
        {
            "meta-type": "object",
            "name": "add",
            "members": [_member("driver", "drivers", required=True)],
        },
        {**command, "name": "blockdev-add", "arg-type": "add"},
    ]
    return QmpSchema.from_reply(reply)


SCHEMA = make_schema()


def version(major: int) -> VersionInfo:
    """A version of QEMU."""
    return VersionInfo(qemu=QemuVersionTriple(major=major, minor=0, micro=0))


def medium(name: str, **changes: Any) -> Medium:
    """A qcow2 of 1 GiB, a quarter of it in use, or what is asked for."""
    filename = changes.pop("filename", f"/disks/{name}")
    size = changes.setdefault("virtual_size", GIB)
    driver = changes.setdefault("driver", "qcow2")
    changes.setdefault("actual_size", size // 4)
    if "chain" not in changes:
        changes["chain"] = (
            ImageInfo(
                filename=filename,
                format=driver,
                virtual_size=size,
                actual_size=changes["actual_size"],
            ),
        )
    return Medium(node_name=f"n-{name}", filename=filename, **changes)


BITMAPS = (
    BlockDirtyInfo(name="b0", count=GIB // 8, granularity=65536, recording=True),
    BlockDirtyInfo(name="used", recording=True, busy=True),
    BlockDirtyInfo(name="torn", persistent=True, inconsistent=True),
    BlockDirtyInfo(name="idle"),
    BlockDirtyInfo(name="kept", persistent=True, recording=True),
)


_OTHERS = (
    Device(key="raw", device="raw", qdev="r", medium=medium("raw", driver="raw")),
    Device(
        key="chain",
        device="chain",
        qdev="c",
        medium=medium("chain", backing_file="/disks/base", backing_depth=1),
    ),
    Device(key="cd0", device="cd0", qdev="cd", removable=True),
    Device(key="node", qdev="x", medium=medium("node")),
    Device(key="loose", device="loose", attached=False, medium=medium("loose", driver="raw")),
    Device(
        key="busy",
        device="busy",
        qdev="b",
        busy_with="copy-before-write",
        jobs=("j1",),
        medium=medium("busy"),
    ),
    Device(
        key="ro",
        device="ro",
        qdev="o",
        medium=medium("ro", read_only=True, bitmaps=BITMAPS),
    ),
    Device(
        key="temp",
        device="temp",
        qdev="t",
        medium=medium("temp", filename='json:{"file": {"filename": "/var/tmp/vl.Ab12Cd"}}'),
    ),
)


def make_vm(major: int = 7, **disk: Any) -> VmSnapshot:
    """A VM with a disk `d0`, and others for what a disk can be; `disk` changes `d0`."""
    devices = (
        Device(
            key="d0",
            device="d0",
            qdev="/machine/peripheral/dev0/virtio-backend",
            io_status="ok",
            medium=medium("d0", **{"bitmaps": BITMAPS, **disk}),
        ),
        *_OTHERS,
    )
    inner = (
        Node(name="f-d0", driver="file", filename="/disks/d0", virtual_size=GIB),
        Node(name="base", driver="qcow2", filename="/disks/base", virtual_size=GIB),
    )
    roots = tuple(
        Node(
            name=device.medium.node_name,
            driver=device.medium.driver,
            filename=device.medium.filename,
            virtual_size=device.medium.virtual_size,
            read_only=device.medium.read_only,
            bitmaps=device.medium.bitmaps,
        )
        for device in devices
        if device.medium
    )
    jobs = (
        Job(id="j1", type="backup", status="running", device_key="busy"),
        Job(id="gone", type="backup", status="null"),
    )
    return VmSnapshot(
        version=version(major), devices=devices, nodes=roots + inner, jobs=jobs, loaded=True
    )


VM = make_vm()
SOUND: dict[str, Any] = {
    "device": "d0",
    "sync": "full",
    "target": "/backup/new.qcow2",
    "format": "qcow2",
    "job-id": "blockdeck-d0",
}


def seen(target: str = "/backup/new.qcow2", **facts: Any) -> TargetFacts:
    """A target that can be seen: a new file in a good directory, unless changed."""
    known: dict[str, Any] = {
        "path": target,
        "visible": True,
        "exists": False,
        "parent_exists": True,
        "parent_is_directory": True,
        "writable": True,
        "free_bytes": 100 * GIB,
        "filesystem": "ext4",
        "same_filesystem_as_source": False,
    }
    return TargetFacts(**{**known, **facts})


def file(**facts: Any) -> TargetFacts:
    """A target that exists: a qcow2 of the disk's size, unless changed."""
    known: dict[str, Any] = {
        "exists": True,
        "kind": "file",
        "size": GIB // 4,
        "image_format": "qcow2",
        "virtual_size": GIB,
        "cluster_size": 65536,
        "locked": False,
    }
    return seen(**{**known, **facts})


def judged(
    *without: str,
    vm: VmSnapshot = VM,
    facts: TargetFacts | None = None,
    unseen: bool = False,
    schema: QmpSchema = SCHEMA,
    command: str = "drive-backup",
    way: Way = Way.DRIVE,
    **changes: Any,
) -> Verdict:
    """The verdict on the sound arguments with changes; `job_id=` is `job-id`."""
    spelled = {name.replace("_", "-"): value for name, value in changes.items()}
    arguments = {k: v for k, v in {**SOUND, **spelled}.items() if k not in without}
    target = arguments.get("target")
    if facts is None and not unseen:
        facts = seen(target if isinstance(target, str) else "")
    return judge(arguments, vm, schema, None if unseen else facts, command=command, way=way)


def worst(verdict: Verdict, *severities: Severity) -> Finding | None:
    """The first finding of these severities."""
    return next((f for f in verdict.findings if f.severity in severities), None)
