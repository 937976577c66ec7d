"""The names of the nodes that BlockDeck makes for a backup."""

import hashlib

TARGET_PREFIX = "blockdeck-to-"
"""Names of the nodes that BlockDeck makes for a backup begin with this."""

CREATOR = "create-"
"""What stands before the name of a target's node in the id of the jobs that make its images."""

_MARK = 12
_TOP, _BOTTOM, _SNAPSHOT, _FILTER, _IMAGE, _FILE, _TURN = "", "-f", "-s", "-c", "-i", "-j", "-t"
_SWITCH, _ACCESS = "-w", "-a"
_IN_ORDER = (_TURN, _TOP, _BOTTOM, _SNAPSHOT, _ACCESS, _SWITCH, _FILTER, _IMAGE, _FILE)


def target_nodes(job_id: str) -> tuple[str, str]:
    """The names of the format node and the file node of a job's target: at most 31 characters.

    They follow from the job's id, so that whoever finds the job finds its target.
    """
    stem = _stem(job_id)
    return stem + _TOP, stem + _BOTTOM


def fleece_nodes(job_id: str) -> tuple[str, str, str, str]:
    """The names of what stands between a disk and a slow target.

    They are the point in time, the filter on the disk, the image it saves to, and that one's file.
    """
    stem = _stem(job_id)
    return stem + _SNAPSHOT, stem + _FILTER, stem + _IMAGE, stem + _FILE


def access_node(job_id: str) -> str:
    """The name of what stands below the point in time where that must not tell of zeroes."""
    return _stem(job_id) + _ACCESS


def switch_node(job_id: str) -> str:
    """The name of what a device stands on so that all disks of a VM can get filters at once."""
    return _stem(job_id) + _SWITCH


def all_nodes(job_id: str) -> tuple[str, ...]:
    """All names that a job's nodes can have, in the order in which they can be removed."""
    snapshot, *saving = fleece_nodes(job_id)
    return (*target_nodes(job_id), snapshot, access_node(job_id), switch_node(job_id), *saving)


def stem_of(node: str) -> str:
    """What the names of all nodes of one job begin with, from any of them."""
    return node[: len(TARGET_PREFIX) + _MARK]


def removal_order(node: str) -> int:
    """Which of the nodes of one job is to be removed before which: the lowest first."""
    suffix = node[len(stem_of(node)) :]
    return _IN_ORDER.index(suffix) if suffix in _IN_ORDER else len(_IN_ORDER)


def is_filter(node: str) -> bool:
    """Whether a node of ours is put on a disk, and to be taken off before it is removed."""
    return node.startswith(TARGET_PREFIX) and node[len(stem_of(node)) :] in (_FILTER, _SWITCH)


def is_switch(node: str) -> bool:
    """Whether a node of ours is one as `switch_node` names them."""
    return is_filter(node) and node.endswith(_SWITCH)


def is_fleece_file(node: str) -> bool:
    """Whether a node of ours is the file of what a filter saves to."""
    return node.startswith(TARGET_PREFIX) and node[len(stem_of(node)) :] == _FILE


def fleece_file(node: str) -> str:
    """The name of the file of what a filter saves to, from any node of its job."""
    return stem_of(node) + _FILE


def turn_of(filter_node: str) -> str:
    """The name of the node that whoever takes a filter off has for as long as that takes."""
    return stem_of(filter_node) + _TURN


def _stem(job_id: str) -> str:
    mark = hashlib.sha256(job_id.encode(errors="surrogatepass")).hexdigest()[:_MARK]
    return f"{TARGET_PREFIX}{mark}"
