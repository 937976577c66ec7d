"""A backup by `blockdev-backup`: the target made and opened as nodes, the job, the nodes' names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tui.backup.arguments import BLOCKDEV_BACKUP, Json, command
from tui.backup.fleece import (
    filter_steps,
    saving_steps,
    seeing_steps,
    switch_steps,
    tells_zeroes,
)
from tui.backup.formats import PLAIN
from tui.backup.rules.case import Case
from tui.vm.target_nodes import CREATOR, access_node, fleece_nodes, switch_node, target_nodes

_OF_DRIVE_BACKUP = frozenset({"target", "format", "mode"})

_SECTOR = 512
_BACKING_FORMAT = frozenset({"qcow2", "qed"})
"""Formats whose header tells the format of the backing file."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one backup.

    `prepare` are the commands before the job, of which a `blockdev-create` starts a job of its own
    with the id `creator`. `enter` are those right before it, which make the point in time of a
    backup with fleecing. `nodes` are the names of its nodes in the order in which they are to be
    removed. `passing` are files by the node that opens them, to be deleted once it has.
    """

    prepare: tuple[Mapping[str, Any], ...]
    job: Mapping[str, Any]
    nodes: tuple[str, ...]
    creator: str
    enter: tuple[Mapping[str, Any], ...] = ()
    passing: Mapping[str, str] = field(default_factory=dict)

    @property
    def commands(self) -> tuple[Mapping[str, Any], ...]:
        """All there is to send, in order, up to the start of the job."""
        return (*self.prepare, *self.enter, self.job)


def make_plan(case: Case) -> Plan:
    """The plan for arguments in which no rule found a refusal."""
    job_id = case.text("job-id") or case.source.default_job_id
    top, bottom = target_nodes(job_id)
    creator = CREATOR + top
    arguments = {
        name: value for name, value in case.arguments.items() if name not in _OF_DRIVE_BACKUP
    }
    plan = Plan(
        prepare=tuple(_prepare(case, top, bottom, creator)),
        job=command(BLOCKDEV_BACKUP, {**arguments, "target": top}),
        nodes=(top, bottom),
        creator=creator,
    )
    device = case.source.device
    if case.fleece is None or device is None or device.qdev is None:
        return plan
    size = case.source.virtual_size or 0
    node, tells = case.source.node_name, tells_zeroes(case.vm)
    return fleeced(plan, job_id, case.fleece.path, size, node, device.qdev, tells=tells)


def fleeced(
    plan: Plan,
    job_id: str,
    path: str,
    size: int,
    node: str,
    qdev: str,
    *,
    tells: bool,
    switched: bool = False,
) -> Plan:
    """A plan whose job reads a disk through a filter that saves old data to an image.

    Args:
        plan: how it would be without.
        job_id: the job's.
        path: the image's.
        size: that of the disk, in bytes.
        node: the disk's own node.
        qdev: the path of its device.
        tells: as `tells_zeroes`; where it does not, zeroes are found as they are written.
        switched: whether the point in time is that of `switch_all`, between `prepare` and `enter`.
    """
    snapshot, *saving = fleece_nodes(job_id)
    arguments = {**plan.job["arguments"], "device": snapshot}
    seen = seeing_steps(job_id, tells=tells)
    made = plan.prepare if tells else tuple(_finding_zeroes(plan.prepare, plan.nodes[0]))
    return replace(
        plan,
        prepare=(
            *made,
            *saving_steps(path, size, job_id, plan.creator),
            *(switch_steps(node, qdev, job_id) if switched else ()),
        ),
        enter=seen if switched else (*filter_steps(node, qdev, job_id), *seen),
        job=command(BLOCKDEV_BACKUP, arguments),
        nodes=(
            *plan.nodes,
            snapshot,
            *(() if tells else (access_node(job_id),)),
            *((switch_node(job_id),) if switched else ()),
            *saving,
        ),
        passing={saving[-1]: path},
    )


def _finding_zeroes(steps: Iterable[Mapping[str, Any]], target: str) -> Iterator[Mapping[str, Any]]:
    """The steps with a target that keeps no room for zeroes, though nobody tells it of them."""
    for step in steps:
        arguments = step["arguments"]
        if arguments.get("node-name") == target:
            arguments = {**arguments, "detect-zeroes": "on"}
        yield command(step["execute"], arguments)


def _prepare(case: Case, top: str, bottom: str, creator: str) -> list[dict[str, Json]]:
    path = case.name.path or ""
    driver = case.format or "raw"
    is_plain = driver in PLAIN
    total = -(-(case.source.virtual_size or 0) // _SECTOR) * _SECTOR
    protocol = "host_device" if case.facts and case.facts.kind == "block" else "file"
    steps: list[dict[str, Json]] = []

    def create(options: dict[str, Json]) -> None:
        steps.append(command("blockdev-create", {"job-id": creator, "options": options}))

    if case.creates and protocol == "file":
        size = total if is_plain else 0
        create({"driver": "file", "filename": path, "size": size})
    file: dict[str, Json] = {"driver": protocol, "filename": path, "node-name": bottom}
    steps.append(command("blockdev-add", {**file, **case.target_io.options}))
    if case.creates and not is_plain:
        create({"driver": driver, "file": bottom, "size": total, **_backing(case, driver)})
    added: dict[str, Json] = {
        "driver": "raw" if is_plain else driver,
        "file": bottom,
        "node-name": top,
    }
    if case.sync == "none":
        # What the target has not got yet is read from the disk.
        added["backing"] = case.source.node_name
    elif not is_plain and case.creates and case.backs_target:
        # The header tells what it stands on; nobody needs to open that now.
        added["backing"] = None
    steps.append(command("blockdev-add", added))
    return steps


def _backing(case: Case, driver: str) -> dict[str, Json]:
    """What a new target's header tells of the image below it, as `drive-backup` would write it."""
    medium = case.source.medium
    if medium is None or not case.backs_target:
        return {}
    if case.sync == "none":
        filename, image_format = medium.filename, medium.driver
    elif len(medium.chain) > 1:
        filename, image_format = medium.chain[1].filename, medium.chain[1].format
    else:
        return {}
    backing: dict[str, Json] = {"backing-file": filename}
    if driver in _BACKING_FORMAT:
        backing["backing-fmt"] = image_format
    return backing
