"""The page and the file to begin with are those of the settings there are."""

import re
import tomllib
from pathlib import Path

from tui.config import load
from tui.config.reference import example, page
from tui.ui_reference import act_lines
from tui.ui_settings import check_ui

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(act_lines())


def test_the_example_sets_nothing_and_is_right_once_its_comments_are_taken_off(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(example(act_lines()))
    assert tomllib.loads(path.read_text()) == {}
    path.write_text(re.sub(r"^# (?=\[|\w+ = )", "", path.read_text(), flags=re.MULTILINE))
    loaded = load(path)
    check_ui(loaded)
    assert loaded.settings.vms["web"].directory == "/backup/web"
    assert loaded.settings.keys["jobs"]["pause"] == "p"
