"""The reference page of the rules is that of the rules there are."""

from pathlib import Path

from tui.backup.reference import page
from tui.backup.rules import RULES

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()


def test_every_rule_says_what_it_is_about() -> None:
    assert all(rule.summary.endswith(".") and "\n" not in rule.summary for rule in RULES)
