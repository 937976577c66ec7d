"""What QEMU checks when it makes the job: names, numbers and sizes."""

import re
from collections.abc import Iterator

from tui.backup.formats import FORMATS, new_cluster_size, vpc_size
from tui.backup.rules import compress
from tui.backup.rules.case import Case
from tui.backup.rules.device import source_or_target_busy
from tui.backup.rules.rule import Hit, rule
from tui.backup.source import Source
from tui.backup.verdict import Severity
from tui.backup.wording import quote
from tui.units import size

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_LONGEST_NODE_NAME = 31
_WORDS_FOR_NAME = "begin with a letter and go on with letters, digits, '-', '.' and '_' alone"
_SMALLEST_CLUSTER = 65536


def _in_filter(case: Case, words: str) -> str:
    return words if case.is_old else f"Could not create node: {words}"


@rule("J-SAME", Severity.REFUSES)
def same(case: Case) -> Iterator[Hit]:
    """A disk cannot be backed up onto itself."""
    source, target = case.source, case.target_node if case.is_blockdev_backup else None
    if target and source.found and target.found and _meant(case, source) == _meant(case, target):
        yield Hit(
            "target",
            "Choose another node: source and target are the same.",
            "Source and target cannot be the same",
        )


def _meant(case: Case, found: Source) -> str:
    """The node that QEMU finds: by the name of a backend it is the filter of a job, if any."""
    top = case.vm.graph.top(found.name) if found.by_backend else None
    return top or found.node_name


@rule("J-WORKERS", Severity.REFUSES)
def workers(case: Case) -> Iterator[Hit]:
    """max-workers is at least 1 and fits into 31 bits."""
    count = case.integer("x-perf.max-workers")
    if count is not None and not 1 <= count <= 0x7FFFFFFF:
        yield Hit(
            "x-perf.max-workers",
            f"{count} workers are not possible; give 1 to 2147483647, or nothing for 64.",
            "max-workers must be between 1 and 2147483647",
        )


@rule("J-CHUNK", Severity.REFUSES)
def chunk(case: Case) -> Iterator[Hit]:
    """max-chunk is not negative."""
    count = case.integer("x-perf.max-chunk")
    if count is not None and count < 0:
        yield Hit(
            "x-perf.max-chunk",
            "max-chunk cannot be negative; 0 is no limit.",
            "max-chunk must be zero (which means no limit) or positive",
        )


def _target_size(case: Case) -> int | None:
    """The virtual size of the target; None where it cannot be told or is as it must be."""
    if case.is_blockdev_backup:
        return case.target_node.virtual_size
    if case.creates:
        created = case.format == "vpc" and case.source.virtual_size is not None
        return vpc_size(case.source.virtual_size or 0) if created else None
    facts = case.facts
    if facts is None or facts.kind != "file":
        return None
    if case.format in ("raw", "file"):
        return None if facts.size is None else -(-facts.size // 512) * 512
    return facts.virtual_size if facts.image_format == case.format else None


@rule("J-SIZE", Severity.REFUSES)
def sizes_differ(case: Case) -> Iterator[Hit]:
    """Disk and target have different sizes."""
    have, need = _target_size(case), case.source.virtual_size
    if have is None or need is None or have == need:
        return
    if case.creates:
        words = f"{case.format} cannot hold exactly {size(need)}; choose format qcow2."
        field = "format"
    else:
        words = f"The target holds {have} bytes, the disk {need}; they must be equal."
        field = "target"
    yield Hit(field, words, "Source and target image have different sizes")


@rule("J-SIZE", Severity.UNKNOWN)
def size_unknown(case: Case) -> Iterator[Hit]:
    """The size of an existing target cannot be read."""
    facts = case.facts
    if not case.opens_existing or facts is None or facts.kind != "file":
        return
    if case.format in FORMATS and facts.image_format == case.format and facts.virtual_size is None:
        yield Hit("target", f"The size of the {case.format} image cannot be read from here.")


@rule("J-FILTER", Severity.REFUSES)
def filter_name(case: Case) -> Iterator[Hit]:
    """The filter's name is malformed, too long or taken."""
    name = case.text("filter-node-name")
    if name is None:
        return
    field = "filter-node-name"
    if not _NAME.fullmatch(name):
        told = "Invalid node name" if case.is_old else f"Invalid node-name: '{name}'"
        yield Hit(field, f"A node name must {_WORDS_FOR_NAME}.", _in_filter(case, told))
    elif any(name == device.device for device in case.vm.devices):
        told = f"node-name={name} is conflicting with a device id"
        words = f"{quote(name)} is the name of a device; choose another."
        yield Hit(field, words, _in_filter(case, told))
    elif _is_node(case, name):
        old, new = "Duplicate node name", f"Duplicate nodes with node-name='{name}'"
        words = f"A node {quote(name)} exists already; choose another name."
        yield Hit(field, words, _in_filter(case, old if case.is_old else new))
    elif len(name.encode()) > _LONGEST_NODE_NAME:
        words = f"A node name has at most {_LONGEST_NODE_NAME} characters, this one {len(name)}."
        yield Hit(field, words, _in_filter(case, "Node name too long"))


def _is_node(case: Case, name: str) -> bool:
    if case.vm.graph:
        return name in case.vm.graph.names
    return any(name == node.name for node in case.vm.nodes)


@rule("J-MINCLUSTER", Severity.REFUSES)
def min_cluster(case: Case) -> Iterator[Hit]:
    """min-cluster-size is a power of two that fits."""
    count = case.integer("x-perf.min-cluster-size")
    if count is None:
        return
    # QEMU reads a negative number as the large unsigned one with the same bits.
    bits = count % (1 << 64)
    field = "x-perf.min-cluster-size"
    if bits > 0x7FFF_FFFF_FFFF_FFFF:
        told = f"min-cluster-size too large: {bits} > 9223372036854775807"
        yield Hit(field, f"{count} is no size of a cluster; give a power of two.", told)
    elif bits & (bits - 1):
        told = "Cannot create block-copy-state: min-cluster-size needs to be a power of 2"
        words = f"{count} is no power of two; give 64KiB, 128KiB, 256KiB or the like in bytes."
        yield Hit(field, words, f"Could not create node: {told}")


def _cluster(case: Case) -> int | None:
    """The size of the pieces QEMU copies in; None where it cannot be told."""
    own = max(_SMALLEST_CLUSTER, case.integer("x-perf.min-cluster-size") or 0)
    if case.creates:
        backing = case.backs_target is True
        cluster = new_cluster_size(
            case.format or "", case.source.virtual_size or 0, backing=backing
        )
    elif case.format in ("raw", "file"):
        cluster = 0
    else:
        facts = case.facts
        cluster = facts.cluster_size if facts and facts.image_format == case.format else None
    return None if cluster is None else max(own, cluster)


@rule("J-CHUNKCLUSTER", Severity.REFUSES)
def chunk_below_cluster(case: Case) -> Iterator[Hit]:
    """max-chunk is at least the cluster size of the copy."""
    count, cluster = case.integer("x-perf.max-chunk"), _cluster(case)
    if count is None or count <= 0:
        return
    least = cluster if cluster is not None else _SMALLEST_CLUSTER
    if count < least:
        yield Hit(
            "x-perf.max-chunk",
            f"max-chunk must be 0 or at least {least}, the size of the pieces that are copied.",
            f"Required max-chunk ({count}) is less than backup cluster size ({least})",
        )


@rule("J-CHUNKCLUSTER", Severity.UNKNOWN)
def chunk_unknown(case: Case) -> Iterator[Hit]:
    """The cluster size of the target is not known."""
    count = case.integer("x-perf.max-chunk")
    if count is not None and count >= _SMALLEST_CLUSTER and _cluster(case) is None:
        yield Hit("x-perf.max-chunk", "max-chunk must not be less than the target's cluster size.")


@rule("J-PERM", Severity.REFUSES)
def permissions(case: Case) -> Iterator[Hit]:
    """What is read-only cannot be written to or discarded."""
    if case.is_on("discard-source") and case.source.read_only:
        yield Hit(
            "discard-source",
            "The source is read-only: nothing of it can be discarded.",
            "Could not replace node: Block node is read-only",
        )
    target = case.target_node if case.is_blockdev_backup else None
    if target is not None and target.device is not None and target.device.attached:
        yield Hit(
            "target",
            f"The guest uses {quote(target.name)}, and nobody else may write to it; choose "
            "another node.",
        )
    elif target is not None and case.vm.graph.is_below(target.node_name, case.source.node_name):
        yield Hit(
            "target",
            f"Node {quote(target.name)} is a part of the disk itself; choose another node.",
        )
    elif target is not None and _writes_to_source(case, target):
        yield Hit(
            "target",
            f"What is written to node {quote(target.name)} is written to the disk itself; choose "
            "another node.",
        )

    elif target is not None and target.read_only:
        yield Hit(
            "target",
            f"Node {quote(target.name)} is read-only; choose one that can be written.",
            _in_filter(case, "Block node is read-only"),
        )


def _writes_to_source(case: Case, target: Source) -> bool:
    """Whether the target stands on the source, other than an overlay stands on its backing file."""
    return case.vm.graph.is_below(case.source.node_name, target.node_name, but_for="backing")


@rule("J-ID", Severity.REFUSES)
def job_id(case: Case) -> Iterator[Hit]:
    """The job id is malformed, or needed and not given."""
    if "job-id" in case.arguments:
        name = case.text("job-id")
        if name is not None and not _NAME.fullmatch(name):
            words = f"A job id must {_WORDS_FOR_NAME}."
            yield Hit("job-id", words, f"Invalid job ID '{name}'")
    elif case.source.found and not case.source.default_job_id:
        yield Hit(
            "job-id",
            "Give a job id: this disk has no device name to take one from.",
            "Invalid job ID ''",
        )


@rule("J-DUP", Severity.REFUSES)
def job_id_taken(case: Case) -> Iterator[Hit]:
    """The job id is taken, also by a job that is concluded."""
    given = "job-id" in case.arguments
    name = case.text("job-id") if given else case.source.default_job_id
    taken = {job.id: job for job in case.vm.jobs if job.status != "null"}
    if name and name in taken:
        job = taken[name]
        words = f"The id {quote(name)} is taken by a {job.type or 'block'} job that is {job.state}"
        yield Hit("job-id", f"{words}; choose another.", f"Job ID '{name}' already in use")
    elif name and name in case.vm.job_ids:
        words = f"The id {quote(name)} is taken by another kind of job; choose another."
        yield Hit("job-id", words, f"Job ID '{name}' already in use")


@rule("J-SPEED", Severity.REFUSES)
def speed(case: Case) -> Iterator[Hit]:
    """The speed is not negative."""
    count = case.integer("speed")
    if count is not None and count < 0:
        yield Hit(
            "speed",
            "The speed cannot be negative; 0 is no limit.",
            "Parameter 'speed' expects a non-negative value",
        )


EARLY = (
    same,
    *compress.RULES,
    source_or_target_busy,
    workers,
    chunk,
)
LATE = (
    sizes_differ,
    size_unknown,
    filter_name,
    min_cluster,
    permissions,
    chunk_below_cluster,
    chunk_unknown,
    job_id,
    job_id_taken,
    speed,
)
