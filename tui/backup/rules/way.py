"""What `blockdev-backup` with nodes of its own cannot do, though `drive-backup` might."""

from collections.abc import Iterator

from tui.backup.formats import CREATED, PLAIN, WITH_BACKING
from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, rule
from tui.backup.target_io import TARGET_IO, TargetIo
from tui.backup.verdict import Severity
from tui.backup.wording import quote
from tui.vm.target_nodes import target_nodes

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


@rule("W-PATH", Severity.REFUSES)
def no_path(case: Case) -> Iterator[Hit]:
    """The target of the way by nodes is a file or a block device."""
    if case.by_nodes and case.text("target") is not None and case.name.path is None:
        yield Hit(
            "target",
            f"{quote(case.text('target'))} is no path; choose drive-backup for such a target.",
        )


@rule("W-ABSOLUTE", Severity.REFUSES)
def relative_path(case: Case) -> Iterator[Hit]:
    """A node's file is named from the root."""
    path = case.name.path
    if case.by_nodes and path is not None and not path.startswith("/"):
        yield Hit("target", "Give the whole path, beginning with '/'.")


@rule("W-FORMAT", Severity.REFUSES)
def not_created(case: Case) -> Iterator[Hit]:
    """blockdev-create makes some formats only."""
    known = case.format is not None and case.format not in CREATED | PLAIN
    if case.by_nodes and case.creates and known:
        yield Hit(
            "format",
            f"blockdev-create makes no {quote(case.format)} from a size alone; choose qcow2 or "
            "raw.",
        )


@rule("W-PROBE", Severity.REFUSES)
def format_not_probed(case: Case) -> Iterator[Hit]:
    """Nobody guesses the format of a node's file."""
    if case.by_nodes and case.opens_existing and "format" not in case.arguments:
        yield Hit("format", "Name the format of the existing image: nodes are opened by it.")


@rule("W-BACKING", Severity.REFUSES)
def no_backing(case: Case) -> Iterator[Hit]:
    """With sync=none the target stands on the disk."""
    driver = case.format
    if case.by_nodes and case.sync == "none" and driver is not None and driver not in WITH_BACKING:
        yield Hit("format", "With sync=none the target stands on the disk; choose qcow2.")


@rule("W-NODES", Severity.REFUSES)
def nodes_in_use(case: Case) -> Iterator[Hit]:
    """The target's nodes have their names from the job, and another job has them."""
    if not case.by_nodes:
        return
    job_id = case.text("job-id") or case.source.default_job_id
    taken = case.vm.graph.targets.intersection(target_nodes(job_id))
    if taken:
        yield Hit("job-id", "A target of this job id is still open; give another job id.")


@rule("W-IO", Severity.REFUSES)
def other_way(case: Case) -> Iterator[Hit]:
    """drive-backup opens the target as the disk was opened."""
    if case.target_io is not TargetIo.WRITEBACK and not case.by_nodes:
        yield Hit(
            TARGET_IO,
            "drive-backup takes the cache mode of the disk; choose blockdev-backup for another.",
        )


@rule("W-DIRECT", Severity.REFUSES)
def no_direct_io(case: Case) -> Iterator[Hit]:
    """A file system that is the page cache has nothing past it, and QEMU cannot open files so."""
    direct = case.target_io is not TargetIo.WRITEBACK and case.by_nodes
    if direct and case.facts is not None and case.facts.filesystem in _IN_MEMORY:
        yield Hit(TARGET_IO, f"The target lies on {case.facts.filesystem}, in the page cache.")


RULES = (
    no_path,
    relative_path,
    not_created,
    format_not_probed,
    no_backing,
    nodes_in_use,
    other_way,
    no_direct_io,
)
