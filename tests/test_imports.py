"""Any module of BlockDeck can be the first that is imported.

What is imported where a module begins must not lead back to it. Read from the sources: a circle
fails only for whoever enters it at the wrong place, and no other test has to come in there.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent


def test_no_module_needs_itself_to_be_imported() -> None:
    assert _circle("tui", ROOT) == []


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        pytest.param({"a": "import {p}.b", "b": "from {p} import a"}, {"a", "b"}, id="two"),
        pytest.param({"a": "import {p}.b", "b": "def f():\n    import {p}.a"}, set(), id="lazy"),
        pytest.param(
            {
                "a": "import {p}.b",
                "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {p}.a",
            },
            set(),
            id="types",
        ),
        pytest.param(
            {
                "shared": "import {p}.rules.source",
                "rules/source": "",
                "rules/one": "import {p}.shared",
                "rules/__init__": "import {p}.rules.one",
            },
            {"shared", "rules", "rules.one"},
            id="by-a-package",
        ),
    ],
)
def test_a_circle_is_seen(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    files: dict[str, str],
    circle: set[str],
) -> None:
    package = f"circle_{request.node.callspec.id.replace('-', '_')}"
    for name, source in {"__init__": "", **files}.items():
        path = tmp_path / package / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source.format(p=package))
    monkeypatch.syspath_prepend(tmp_path)
    assert set(_circle(package, tmp_path)) == {f"{package}.{name}" for name in circle}


def _circle(package: str, root: Path) -> list[str]:
    """The modules of one circle of imports, if there is any."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    before: dict[str, set[str]] = {}
    for module in graph.modules:
        later = _lines_of_functions(_file(module, root))
        needed = before[module] = set()
        for imported in graph.find_modules_directly_imported_by(module):
            details = graph.get_import_details(importer=module, imported=imported)
            if any(detail["line_number"] not in later for detail in details):
                needed.update(_with_packages(imported))
        # A package has begun before its modules do; what it imports, it has for them too.
        needed.difference_update(_with_packages(module))
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _with_packages(module: str) -> Iterator[str]:
    """The module, and the packages that are imported before it."""
    while module:
        yield module
        module = module.rpartition(".")[0]


def _file(module: str, root: Path) -> Path:
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _lines_of_functions(path: Path) -> set[int]:
    """The lines that do not run as the module is imported."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        line
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, functions)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
