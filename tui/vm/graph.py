"""Who stands on whom among the block nodes."""

from tui.qmp.models import XDbgBlockGraph

MAIN_NODE = "main node"
TARGET = "target"


class Graph:
    """`x-debug-query-block-graph` by node-name; empty where QEMU has no such command."""

    def __init__(self, graph: XDbgBlockGraph | None) -> None:
        self._known = graph is not None
        graph = graph or XDbgBlockGraph()
        names = {node.id: node.name for node in graph.nodes}
        types = {node.id: node.type for node in graph.nodes}
        self.jobs = frozenset(node.name for node in graph.nodes if node.type == "block-job")
        self.names = frozenset(node.name for node in graph.nodes if node.type == "block-driver")
        self._tops: dict[str, str] = {}
        self._users: dict[str, list[str]] = {}
        self._children: dict[str, dict[str, str]] = {}
        self._parents: dict[str, list[tuple[str, str]]] = {}
        self._job_nodes: dict[str, list[tuple[str, str]]] = {}
        self._held: set[str] = set()
        for edge in graph.edges:
            parent, child = names.get(edge.parent, ""), names.get(edge.child, "")
            if types.get(edge.parent) == "block-driver":
                self._children.setdefault(parent, {})[edge.name] = child
                self._parents.setdefault(child, []).append((parent, edge.name))
            elif types.get(edge.parent) == "block-job":
                self._job_nodes.setdefault(parent, []).append((edge.name, child))
                self._users.setdefault(child, []).append(parent)
            else:
                self._tops.setdefault(parent, child)
                self._held.add(child)

    def __bool__(self) -> bool:
        """Whether it is known; of a QEMU without a disk it may be, and be empty."""
        return self._known

    def top(self, backend: str) -> str | None:
        """The node right below a backend, which may be a job's filter."""
        return self._tops.get(backend)

    def backends(self, node: str) -> tuple[str, ...]:
        """The backends right on top of a node: by name, else by the device they belong to."""
        return tuple(name for name, top in self._tops.items() if top == node)

    def is_held(self, node: str) -> bool:
        """Whether a backend is right on top of a node: a device's, an export's or a drive's."""
        return node in self._held

    def users(self, node: str) -> tuple[str, ...]:
        """The jobs that hold a node, whatever for; QEMU keeps other jobs off it."""
        return tuple(self._users.get(node, ()))

    def child(self, node: str, *roles: str) -> str | None:
        """The first child of a node that has one of these roles."""
        children = self._children.get(node, {})
        return next((children[role] for role in roles if role in children), None)

    def parents(self, node: str) -> tuple[tuple[str, str], ...]:
        """The nodes on top of a node, each with the role the node has for it."""
        return tuple(self._parents.get(node, ()))

    def is_below(self, node: str, other: str, *, but_for: str | None = None) -> bool:
        """Whether a node is a part of another, in whatever role `but_for` one."""
        seen: set[str] = set()
        above = [node]
        while above:
            for parent, role in self.parents(above.pop()):
                if role == but_for:
                    continue
                if parent == other:
                    return True
                if parent not in seen:
                    seen.add(parent)
                    above.append(parent)
        return False

    def below_filter(self, node: str) -> str | None:
        """The node a job's filter stands on: `file` since QEMU 6, `backing` before."""
        return self.child(node, "file", "backing")

    def nodes_of_job(self, job_id: str) -> tuple[str, ...]:
        """The nodes a job reads, its main node first; its target is not among them."""
        nodes = self._job_nodes.get(job_id, ())
        reads = [(role != MAIN_NODE, node) for role, node in nodes if role != TARGET]
        return tuple(node for _, node in sorted(reads, key=lambda read: read[0]))

    def target_of_job(self, job_id: str) -> str | None:
        """The node a job writes to."""
        nodes = self._job_nodes.get(job_id, ())
        return next((node for role, node in nodes if role == TARGET), None)

    @property
    def targets(self) -> frozenset[str]:
        """The nodes that jobs write to."""
        found = (self.target_of_job(job) for job in self._job_nodes)
        return frozenset(node for node in found if node is not None)
