"""The verdict comes while one types."""

import time

from tests.backup.vms import judged, make_vm
from tui.vm.snapshot import Node, VmSnapshot

MILLISECOND = 0.001


def crowd() -> VmSnapshot:
    """A VM with 500 more nodes."""
    vm = make_vm()
    nodes = tuple(
        Node(name=f"n{n}", driver="qcow2", filename=f"/d/{n}", virtual_size=1) for n in range(500)
    )
    return VmSnapshot(
        version=vm.version, devices=vm.devices * 20, nodes=vm.nodes + nodes, jobs=vm.jobs
    )


def seconds(vm: VmSnapshot) -> float:
    """How long one verdict takes."""
    start = time.process_time()
    judged(vm=vm, device="n499", filter_node_name="f", bitmap="x", speed=1)
    return time.process_time() - start


def test_a_verdict_takes_less_than_two_milliseconds_with_500_nodes() -> None:
    vm = crowd()
    assert min(seconds(vm) for _ in range(20)) < 2 * MILLISECOND
