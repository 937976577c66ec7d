"""The manual pages: of the commands there are, and read by `man` without a complaint."""

import subprocess
from pathlib import Path

import click
import pytest

from tests.manual import PLACE, pages
from tui.cli.commands import commands


def rendered(page: Path) -> str:
    done = subprocess.run(
        ["man", "--warnings", "--local-file", page],
        env={
            "MANWIDTH": "100",
            "LC_ALL": "C.UTF-8",
            "PATH": "/usr/bin:/bin",
            "MAN_KEEP_FORMATTING": "",
        },
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_the_pages_are_current() -> None:
    assert {path.name: path.read_text() for path in PLACE.iterdir()} == pages()


@pytest.mark.parametrize("page", sorted(pages()))
def test_a_page_is_read_without_a_complaint(page: str) -> None:
    text = rendered(PLACE / page)
    assert "NAME" in text
    assert "SYNOPSIS" in text


def test_every_option_and_command_is_told() -> None:
    front = rendered(PLACE / "blockdeck.1")
    for name, command in commands.commands.items():
        assert f"blockdeck-{name}(1)" in front
        text = rendered(PLACE / f"blockdeck-{name}.1")
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.opts[0] in text
    for option in ("--record", "--read-only", "--directory", "--log", "--no-mouse"):
        assert option in front
    assert "blockdeck check /run/vm/qmp.sock" in front
