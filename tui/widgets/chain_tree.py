"""Chains as trees over time: a full point with the increments that stand on it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from tui.chain.catalog import Catalog, CatalogChain, CatalogPoint, Stack
from tui.vm.job import Job
from tui.vm.snapshot import VmSnapshot
from tui.widgets.chain_text import chain_line, next_words, point_line, stack_line

JobsOf = Callable[[CatalogPoint], tuple[Job, ...]]

Doing = Callable[[str], str]
"""What is done to the last point of a chain at the moment, by the chain's id."""


@dataclass(frozen=True, slots=True)
class Spot:
    """What a line of the tree is about: a chain, a point of it, or images without a manifest."""

    key: str
    chain: CatalogChain | None = None
    point: CatalogPoint | None = None
    stack: Stack | None = None


class ChainTree(Tree[Spot]):
    """The chains of a directory; what was folded or highlighted stays so when shown anew."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(Text("chains"), id=id)
        self.show_root = False
        self.auto_expand = False
        self.guide_depth = 2
        self._shown: object = None

    @property
    def spot(self) -> Spot | None:
        """What is highlighted."""
        return self.cursor_node.data if self.cursor_node is not None else None

    def show_catalog(
        self, catalog: Catalog, vm: VmSnapshot | None, jobs_of: JobsOf, doing: Doing
    ) -> None:
        """Show all of a directory; nothing is sent where nothing is different."""
        lines = [*_lines(catalog, vm, jobs_of, doing)]
        if lines == self._shown:
            return
        same = _keys(lines) == _keys(self._shown)
        self._shown = lines
        if same:
            self._relabel(lines)
            return
        here = self.spot.key if self.spot is not None else None
        shut = [n for n in self._every_node() if n.children and not n.is_expanded]
        folded = {node.data.key for node in shut if node.data}
        self.clear()
        nodes: list[TreeNode[Spot]] = [self.root]
        for depth, text, spot in lines:
            del nodes[depth + 1 :]
            expand = spot.key not in folded
            node = nodes[-1].add(Text(text), spot, expand=expand, allow_expand=True)
            nodes.append(node)
        for node in self._every_node():
            node.allow_expand = bool(node.children)
        self.root.expand()
        self.call_after_refresh(self._go_to, here)

    def render_label(self, node: TreeNode[Spot], base_style: Style, style: Style) -> Text:
        """The label, cut where there is no room; highlighted, it is so to the end of its line."""
        label = self._label(node, base_style, style)
        room = self.size.width - self._indent(node)
        if label.cell_len > room:
            label.truncate(max(1, room), overflow="ellipsis")
        elif node is self.cursor_node:
            label.append(" " * (room - label.cell_len), style)
        return label

    def get_label_width(self, node: TreeNode[Spot]) -> int:
        """The cells of the words alone, beyond which nothing is to be scrolled to."""
        width = self._label(node, Style.null(), Style.null()).cell_len
        return min(width, max(1, self.size.width - self._indent(node)))

    def _label(self, node: TreeNode[Spot], base_style: Style, style: Style) -> Text:
        """The words; a full point on which none stands begins where the others do."""
        label = super().render_label(node, base_style, style)
        point = node.data.point if node.data is not None else None
        if point is None or point.point.parent is not None or node.allow_expand:
            return label
        return Text.assemble((" " * self.guide_depth, style), label)

    def _indent(self, node: TreeNode[Spot]) -> int:
        depth, above = 0, node.parent
        while above is not None and above is not self.root:
            depth, above = depth + 1, above.parent
        return depth * self.guide_depth

    def _relabel(self, lines: "list[tuple[int, str, Spot]]") -> None:
        told = {spot.key: (text, spot) for _, text, spot in lines}
        for node in self._every_node():
            if node.data is not None and node.data.key in told:
                text, node.data = told[node.data.key]
                if str(node.label) != text:
                    node.set_label(Text(text))

    def _go_to(self, key: str | None) -> None:
        """Highlight this line, or the first; all may be gone by now, as another directory is."""
        if self.last_line >= 0:
            first, *others = self._every_node()
            same = (node for node in others if node.data is not None and node.data.key == key)
            self.move_cursor(next(same, first))

    def _every_node(self) -> list[TreeNode[Spot]]:
        found, ahead = [], [*self.root.children]
        while ahead:
            node = ahead.pop(0)
            found.append(node)
            ahead += node.children
        return found


def _keys(lines: object) -> list[tuple[int, str]]:
    return [(depth, spot.key) for depth, _, spot in lines] if isinstance(lines, list) else []


def _lines(
    catalog: Catalog, vm: VmSnapshot | None, jobs_of: JobsOf, doing: Doing
) -> "list[tuple[int, str, Spot]]":
    """Each line with how deep it is; the newest chain and the newest full point come first."""
    lines: list[tuple[int, str, Spot]] = []
    for chain in sorted(catalog.chains, key=_age, reverse=True):
        chain_id = chain.kept.chain.id
        lines.append((0, chain_line(chain), Spot(chain_id, chain)))
        last = chain.points[-1] if chain.points else None
        for point in chain.points:
            words = doing(chain_id) or next_words(vm, chain) if point is last else ""
            text = point_line(point, jobs_of(point), last=point is last, next_words=words)
            depth = 1 if point.point.parent is None else 2
            lines.append((depth, text, Spot(f"{chain_id}-{point.point.serial}", chain, point)))
    for stack in catalog.stacks:
        name = stack.images[-1].name
        lines.append((0, f"no manifest: {stack_line(stack)}", Spot(f"/{name}", stack=stack)))
    return lines


def _age(chain: CatalogChain) -> float:
    return chain.points[-1].point.started.timestamp() if chain.points else 0.0
