"""Writes the reference page of all rules: `python -m tui.backup.reference > docs/rules.md`."""

import sys

from tui.backup.rules import RULES
from tui.backup.verdict import Severity

_MEANINGS = {
    Severity.REFUSES: "QEMU answers with an error.",
    Severity.DANGER: "QEMU accepts, and something is lost: BlockDeck does not send it, or not "
    "without an explicit tick.",
    Severity.UNKNOWN: "Only the host of QEMU can tell, and it cannot be seen from here.",
    Severity.RISK: "It may go wrong.",
    Severity.NOTE: "Worth knowing.",
}


def page() -> str:
    """The page in Markdown: for each severity its rules, in the order in which QEMU checks."""
    lines = [
        "# The rules",
        "",
        "What BlockDeck checks before it sends a backup. The same rules serve the form,",
        "`blockdeck check` and `blockdeck backup`. This page is generated from them:",
        "`python -m tui.backup.reference > docs/rules.md`.",
    ]
    for severity, meaning in _MEANINGS.items():
        lines += ["", f"## {severity.value}", "", meaning, "", "| rule | when |", "|---|---|"]
        rows = [f"| {r.id} | {r.summary} |" for r in RULES if r.severity is severity]
        lines += dict.fromkeys(rows)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
