"""What is judged a leftover, and what is not, where a real QEMU rarely is in that state."""

from dataclasses import replace

from tui.qmp.models import (
    BlockDirtyInfo,
    JobInfo,
    QemuVersionTriple,
    VersionInfo,
    XDbgBlockGraph,
    XDbgBlockGraphEdge,
    XDbgBlockGraphNode,
)
from tui.vm.graph import Graph
from tui.vm.job import Job, Outcome
from tui.vm.leftovers import find_leftovers
from tui.vm.snapshot import Node, VmSnapshot
from tui.vm.target_nodes import target_nodes

TORN = BlockDirtyInfo(name="torn", persistent=True, inconsistent=True)


def graph(*names: str, edges: tuple[tuple[str, str, str], ...] = ()) -> Graph:
    """A graph of nodes by name; `job:x` is a job, `dev:x` a backend."""
    types = {"job": "block-job", "dev": "block-backend"}
    nodes = [
        XDbgBlockGraphNode(
            id=number,
            type=types.get(name.partition(":")[0], "block-driver"),
            name=name.rpartition(":")[2],
        )
        for number, name in enumerate(names)
    ]
    drawn = tuple(
        XDbgBlockGraphEdge(parent=names.index(parent), child=names.index(child), name=role)
        for parent, role, child in edges
    )
    return Graph(XDbgBlockGraph(nodes=tuple(nodes), edges=drawn))


def node(name: str, *bitmaps: BlockDirtyInfo, driver: str = "raw", ro: bool = False) -> Node:
    """A node with bitmaps."""
    return Node(name, driver, f"/{name}", 1 << 20, read_only=ro, bitmaps=bitmaps)


def titles(vm: VmSnapshot, *in_use: str) -> list[str]:
    """What is found, by title."""
    return [one.title for one in find_leftovers(vm, in_use)]


def version(major: int) -> VersionInfo:
    """A QEMU's."""
    return VersionInfo(qemu=QemuVersionTriple(major=major, minor=2, micro=0))


def test_where_qemu_does_not_tell_who_uses_a_node_none_is_found() -> None:
    assert titles(VmSnapshot(nodes=(node("a"),))) == []


def test_a_target_that_is_being_made_is_in_use_with_all_below_it_and_its_creator() -> None:
    top, file = target_nodes("blockdeck-j")
    vm = VmSnapshot(
        graph=graph(top, file, edges=((top, "file", file),)),
        job_infos=(JobInfo(id=f"create-{top}", type="create", status="concluded"),),
    )
    assert titles(vm, top, file) == []
    assert titles(vm, top) == []
    assert titles(vm) == [f"create-{top}", top, file]


def test_a_job_of_ours_is_a_leftover_only_when_blockdeck_had_time_to_see_to_it() -> None:
    top, file = target_nodes("blockdeck-j")
    job = Job("blockdeck-j", "backup", ours=True, status="concluded", outcome=Outcome.SUCCEEDED)
    info = JobInfo(id=job.id, type="backup", status="concluded")
    drawn = graph(top, file, edges=((top, "file", file),))
    vm = VmSnapshot(jobs=(replace(job, ended=100.0),), job_infos=(info,), graph=drawn, taken=101.0)
    assert titles(vm) == []
    assert titles(replace(vm, jobs=(replace(job, ended=None, outcome=None),))) == []
    assert titles(replace(vm, taken=110.0)) == ["blockdeck-j", top, file]
    # Nothing is seen to by one that only looks.
    assert titles(replace(vm, read_only=True)) == ["blockdeck-j", top, file]


def test_a_node_that_only_an_unseen_user_can_hold_keeps_what_is_below() -> None:
    held = graph("#block1", "t", edges=(("#block1", "target", "t"),))
    assert titles(VmSnapshot(graph=held)) == []


def test_the_target_that_an_ended_job_of_qemu_5_holds_goes_after_the_job() -> None:
    edges = (
        ("job:j", "main node", "#block1"),
        ("job:j", "target", "t"),
        ("#block1", "target", "t"),
    )
    info = JobInfo(id="j", type="backup", status="concluded")
    held = VmSnapshot(graph=graph("job:j", "#block1", "t", edges=edges), job_infos=(info,))
    (job, target) = find_leftovers(held)
    assert (job.name, target.name, target.after) == ("j", "t", ("j",))
    running = replace(held, job_infos=(info.model_copy(update={"status": "running"}),))
    assert find_leftovers(running) == ()


def test_an_inconsistent_bitmap_that_cannot_be_removed_says_why() -> None:
    used = graph("job:j", "a", "b", edges=(("job:j", "main node", "a"),))
    vm = VmSnapshot(graph=used, nodes=(node("a", TORN), node("b", TORN, ro=True)))
    told = {one.node: one for one in find_leftovers(vm, ("a", "b"))}
    assert told["a"].remedy is None
    assert "a job works on its disk" in (told["a"].hindrance or "")
    assert told["b"].remedy is None
    assert "read-only" in (told["b"].hindrance or "")


def test_bitmaps_are_not_told_from_an_old_look_where_a_new_one_would_kill_qemu() -> None:
    info = JobInfo(id="j", type="backup", status="concluded")
    vm = VmSnapshot(version=version(5), nodes=(node("a", TORN),), job_infos=(info,))
    assert titles(vm) == ["j"]
    assert titles(replace(vm, version=version(7))) == ["j", "torn on a"]
    assert titles(replace(vm, job_infos=())) == ["torn on a"]


def test_bitmaps_without_a_name_belong_to_a_job_or_filter_where_there_is_one() -> None:
    nameless = BlockDirtyInfo()
    held = graph("dev:d", "a", edges=(("dev:d", "root", "a"),))
    vm = VmSnapshot(graph=held, nodes=(node("a", nameless, nameless),))
    (one,) = find_leftovers(vm)
    assert (one.title, one.remedy, one.owner) == ("(without a name) on a", None, "QEMU")
    assert one.what == "2 dirty bitmaps without a name."
    running = JobInfo(id="j", type="mirror", status="running")
    assert titles(replace(vm, job_infos=(running,))) == []
    edges = (("dev:d", "root", "f"), ("f", "file", "a"), ("job:j", "main node", "f"))
    filtered = replace(
        vm,
        graph=graph("dev:d", "job:j", "f", "a", edges=edges),
        nodes=(*vm.nodes, node("f", nameless, driver="copy-before-write")),
    )
    assert titles(filtered) == []


def test_bitmaps_that_somebody_keeps_up_are_no_leftovers() -> None:
    recording, busy = BlockDirtyInfo(name="r", recording=True), BlockDirtyInfo(name="b", busy=True)
    held = graph("dev:d", "a", edges=(("dev:d", "root", "a"),))
    vm = VmSnapshot(graph=held, nodes=(node("a", recording, busy),))
    assert find_leftovers(vm) == ()
