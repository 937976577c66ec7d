"""Writes the page about the settings: `python -m tui.ui_reference > docs/configuration.md`."""

import sys

from tui.config.reference import ActLine, page
from tui.key_places import places
from tui.keymap import acts_of


def act_lines() -> tuple[ActLine, ...]:
    """Every act that can have other keys."""
    acts = sorted(acts_of(places()).items())
    return tuple(ActLine(name, act.key, str(act.tooltip)) for name, act in acts)


if __name__ == "__main__":
    sys.stdout.write(page(act_lines()))
