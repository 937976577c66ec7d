"""Block nodes that no device, job, export or other node uses."""

from collections.abc import Iterator

from tui.vm.graph import TARGET, Graph
from tui.vm.leftover import Kind, Leftover, Remedy
from tui.vm.snapshot import BACKUP_FILTER_DRIVERS, DRY_RUN_PREFIX, Node, VmSnapshot
from tui.vm.target_nodes import TARGET_PREFIX, is_filter, is_switch

_GENERATED = "#"
"""How the names begin that QEMU gives: such nodes belong to a job or to the node they are in."""


def leftover_nodes(vm: VmSnapshot, in_use: frozenset[str]) -> Iterator[Leftover]:
    """The nodes that can go, each after those on top of it, then filters that nobody reads by."""
    graph = vm.graph
    concluded = frozenset(info.id for info in vm.job_infos if info.status == "concluded")
    free = _free(graph, concluded, in_use)
    # Where they cannot be asked for now (danger X2), what was known may be of others.
    known = {} if vm.traps.listing_nodes_kills and vm.job_ids else {n.name: n for n in vm.nodes}
    for name in _from_the_top(graph, free):
        if not name.startswith(_GENERATED):
            yield _node(vm, known.get(name), name, _first(graph, name, free))
    for node in vm.nodes:
        on_a_disk = node.driver in BACKUP_FILTER_DRIVERS or is_filter(node.name)
        if on_a_disk and _is_idle(graph, node.name, free):
            yield _filter_in_place(vm, node)


def _free(graph: Graph, concluded: frozenset[str], in_use: frozenset[str]) -> frozenset[str]:
    """The nodes that nothing uses but what is itself left over."""

    def may_be(name: str) -> bool:
        users = graph.users(name)
        if name in in_use or graph.is_held(name) or not concluded.issuperset(users):
            return False
        # On top of one that QEMU named is something that is not seen.
        return bool(users or graph.parents(name)) or not name.startswith(_GENERATED)

    free = {name for name in graph.names if may_be(name)}
    while used := {
        name for name in free if any(parent not in free for parent, _ in graph.parents(name))
    }:
        free -= used
    return frozenset(free)


def _from_the_top(graph: Graph, free: frozenset[str]) -> Iterator[str]:
    """Each node after all that stand on it."""
    left = sorted(free)
    while left:
        ready = [n for n in left if not any(parent in left for parent, _ in graph.parents(n))]
        yield from ready
        left = [name for name in left if name not in ready]


def _first(graph: Graph, name: str, free: frozenset[str]) -> tuple[str, ...]:
    """What has to go before a node can: the nodes on top of it, and ended jobs that hold on."""
    first = dict.fromkeys(graph.users(name))
    for parent, _ in graph.parents(name):
        if not parent.startswith(_GENERATED):
            first[parent] = None
        elif parent in free:
            first.update(dict.fromkeys(_first(graph, parent, free)))
    return tuple(first)


def _node(vm: VmSnapshot, node: Node | None, name: str, after: tuple[str, ...]) -> Leftover:
    ours = name.startswith((TARGET_PREFIX, DRY_RUN_PREFIX))
    is_filter = node is not None and node.driver in BACKUP_FILTER_DRIVERS
    lost = "Nothing on the disk: the image stays as it is. Who wants the node again must add it."
    recent = [b.name for b in (node.bitmaps if node else ()) if b.name and not b.persistent]
    if recent:
        lost += f" Its bitmaps that are not persistent go: {', '.join(recent)}."
    return Leftover(
        kind=Kind.FILTER if is_filter else Kind.NODE,
        name=name,
        what=_what(name, node),
        why=_why(vm, name, after, is_filter),
        ours=ours,
        remedy=Remedy("blockdev-del", {"node-name": name}, "QEMU writes it out and closes it."),
        lost=lost,
        after=after,
        alone=name in vm.nodes_at_start,
        mark=f"{node.driver} {node.filename}" if node else "",
    )


def _what(name: str, node: Node | None) -> str:
    known = ""
    if node is not None:
        known = f" ({node.driver}, {node.filename})" if node.filename else f" ({node.driver})"
    if name.startswith(DRY_RUN_PREFIX):
        return "A node of a dry run: it stood for a target while QEMU was asked."
    if name.startswith(TARGET_PREFIX):
        return f"A node that BlockDeck made for a backup's target{known}."
    if node is not None and node.driver in BACKUP_FILTER_DRIVERS:
        return f"A filter that copies old data before it is written over{known}."
    return f"A node that a client added{known}."


def _why(vm: VmSnapshot, name: str, after: tuple[str, ...], is_filter: bool) -> str:
    if after:
        return f"Nothing uses it but {', '.join(after)}, which is left over as well."
    why = "No device, job, export or other node uses it."
    if is_filter:
        return f"{why} No write passes through it, so it does nothing but keep its parts open."
    if name.startswith((TARGET_PREFIX, DRY_RUN_PREFIX)):
        closes = "" if vm.read_only else " BlockDeck closes it by itself within a minute or two."
        return f"{why}{closes}"
    if name in vm.nodes_at_start:
        return (
            f"{why} But it was given when QEMU was started: rather a disk made ready to be plugged "
            "in than something left behind."
        )
    return (
        f"{why} It may be the target of a job that is over, but as well a disk that is to be "
        "plugged in: only who added it knows."
    )


def _is_idle(graph: Graph, name: str, free: frozenset[str]) -> bool:
    """Whether a filter stands on a disk for no job, and nobody reads what it saves."""
    if name in free or graph.users(name) or not graph.is_held(name):
        return False
    if is_switch(name) and is_filter(below := graph.below_filter(name) or ""):
        # It passes on to the filter, which saves.
        readers = [parent for parent, _ in graph.parents(below) if parent != name]
        return free.issuperset(readers)
    target = graph.child(name, TARGET)
    readers = [parent for parent, _ in graph.parents(name)]
    if target is not None:
        if graph.is_held(target):
            return False
        readers += [parent for parent, _ in graph.parents(target) if parent != name]
    return free.issuperset(readers)


def _filter_in_place(vm: VmSnapshot, node: Node) -> Leftover:
    if is_filter(node.name):
        who = "a BlockDeck that is not read-only" if vm.read_only else "BlockDeck"
        return Leftover(
            kind=Kind.FILTER,
            name=node.name,
            what=f"A filter ({node.driver}) that BlockDeck put on a disk for a backup.",
            why="Its backup is over, or never began, and nobody has taken it off.",
            ours=True,
            reason=f"{who} takes it off by itself within a minute or two",
            mark=node.driver,
        )
    return Leftover(
        kind=Kind.FILTER,
        name=node.name,
        what=f"A filter ({node.driver}) on top of a disk that is in use.",
        why="No job uses it and nobody reads what it saves, yet each write of the guest to a new "
        "place waits until the old data is copied.",
        reason="the device stands on it, and only who put it there can take it out: by qom-set of "
        "the device's drive, which kills QEMU if it names the node that is there already",
        mark=node.driver,
    )
