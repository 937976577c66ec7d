"""How long a verdict takes while one types: `python -m tests.backup.speed`.

With 500 nodes it should be less than 2 ms.
"""

import time
from dataclasses import replace
from typing import Any

from tests.backup.vms import judged, make_vm
from tui.backup.way import Way
from tui.qmp.models import XDbgBlockGraph
from tui.vm.graph import Graph
from tui.vm.snapshot import Node, VmSnapshot

ROUNDS = 50


def crowd(count: int) -> VmSnapshot:
    """A VM with so many more nodes, each under a backend of its own."""
    vm = make_vm()
    nodes = tuple(
        Node(name=f"n{n}", driver="qcow2", filename=f"/d/{n}", virtual_size=1) for n in range(count)
    )
    tops = [{"id": n, "type": "block-driver", "name": node.name} for n, node in enumerate(nodes)]
    backends = [{"id": count + n, "type": "block-backend", "name": f"b{n}"} for n in range(count)]
    edges = [{"parent": count + n, "child": n, "name": "root"} for n in range(count)]
    graph = XDbgBlockGraph.model_validate({"nodes": [*tops, *backends], "edges": edges})
    return replace(
        vm, devices=vm.devices * (count // 25), nodes=vm.nodes + nodes, graph=Graph(graph)
    )


WAYS: dict[str, dict[str, Any]] = {
    "drive-backup": {},
    "drive-backup by nodes": {"way": Way.BLOCKDEV},
    "blockdev-backup": {"command": "blockdev-backup", "target": "n-raw"},
}


def milliseconds(vm: VmSnapshot, device: str, way: str) -> float:
    """How long the fastest of some verdicts takes."""
    without = ("format",) if way == "blockdev-backup" else ()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        judged(
            *without,
            vm=vm,
            device=device,
            filter_node_name="f",
            bitmap="x",
            speed=1,
            **WAYS[way],
        )
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    for way in WAYS:
        for size in (25, 500, 5000):
            print(f"{way}, {size} nodes: {milliseconds(crowd(size), f'n{size - 1}', way):.2f} ms")
