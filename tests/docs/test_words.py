"""Commands within the prose of the pages: they are typed elsewhere, or it is said why not."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from tests.docs.pages import CHECKOUT, PAGES, commands, name_of, spans
from tui.cli.commands import commands as blockdeck
from tui.cli.front import open_ui

NOT_TYPED = {
    "AllowTcpForwarding no": "a line of sshd's: tests/transports/test_ssh_port.py",
    "asciinema play": "a program of others, which plays a cast; tests/line/test_cast.py reads one",
    "kill -9": "of BlockDeck: tests/faults/test_blockdeck.py",
    "modprobe nbd": "it changes the kernel of whoever runs the tests",
    "ssh -L 8000:localhost:8000": "tests/web/test_serve.py has the page through a tunnel",
    "python -m tui.backup.reference > docs/rules.md": "tests/backup/test_reference.py",
    "python -m tui.keys_reference > docs/reference/keys.md": "tests/docs/test_keys_page.py",
    "python -m tui.ui_reference > docs/configuration.md": "tests/config/test_reference.py",
    "virsh blockcopy": "the page says that it is not to be typed",
    "virsh blockjob": "the page says that it is not to be typed",
    "virsh edit": "it opens an editor",
    "virsh edit my-vm": "it opens an editor",
    "virsh snapshot-create": "the page says that it is not to be typed",
    "fpath+=~/.zfunc; autoload -Uz compinit; compinit": "zsh: tests/cli/test_completion.py",
}
"""Commands that are only spoken of, and why no test types them as they stand."""

TYPED_IN = {
    "--agent": "cli/test_chain_frozen.py",
    "--completion-mode individual": "cli/test_chain.py",
    "--directory": "cli/test_backup.py",
    "--fleece DIR": "cli/test_fleece.py",
    "--freeze": "cli/test_chain_frozen.py",
    "--full": "cli/test_chain.py",
    "--host": "web/test_serve.py",
    "--may-write": "web/test_serve.py",
    "--override RULE": "cli/test_backup.py",
    "--pace 2": "tour/test_terminal.py",
    "--point N --against IMAGE": "cli/test_images.py",
    "--preset": "ui/test_form_presets.py",
    "--preset gentle": "ui/test_form_presets.py",
    "--record FILE": "line/test_cast.py",
    "--source MONITOR": "cli/test_chain.py",
    "--target-io direct": "worker/test_target_io.py",
    "--thaw": "cli/test_agent.py",
    "--try-freeze": "cli/test_chain_frozen.py",
    "--way blockdev-backup": "cli/test_ways.py",
    "backup --json": "cli/test_backup.py",
    "blockdeck NAME": "cli/test_config.py",
    "blockdeck [MONITOR]": "journeys/test_main_job.py",
    "blockdeck agent MONITOR": "cli/test_agent.py",
    "blockdeck chain cancel": "cli/test_chain.py",
    "blockdeck config --show": "cli/test_config.py",
    "chain list --point N": "cli/test_chain.py",
    "check --batch": "cli/test_check.py",
    "check --command blockdev-backup": "cli/test_ways.py",
    "restore IMAGE": "cli/test_images.py",
    "verify DIR": "cli/test_images.py",
}
"""What is said of BlockDeck's commands and stands in no block, and the test that types it."""

OF_OTHERS = {"--connect=/dev/nbd0": "of qemu-nbd; it takes a module of the kernel"}
"""Options of other programs that no test gives them."""

NO_COMMAND = re.compile(r"20 ms|\[.*|ACT = .*")
"""Code of several words that is none: a time, values of settings."""


def several_words() -> Iterator[tuple[str, str]]:
    """The pages' spans of code that can be a command: the page's name and the span."""
    for page in PAGES:
        for span in spans(page):
            if " " in span and not NO_COMMAND.fullmatch(span):
                yield name_of(page), span


def is_of_blockdeck(span: str) -> bool:
    """Whether it is a command of BlockDeck's, or a part of one."""
    first = span.split()[0]
    return first == "blockdeck" or first.startswith("--") or first in blockdeck.commands


def test_every_command_in_the_prose_is_typed_somewhere() -> None:
    typed = tuple(command.text for page in PAGES for command in commands(page))
    spoken_of = {span for _, span in several_words() if not is_of_blockdeck(span)}
    missed = {
        span
        for span in spoken_of - NOT_TYPED.keys()
        if not any(f"{text} ".startswith(f"{span} ") for text in typed)
    }
    assert missed == set()
    assert spoken_of >= NOT_TYPED.keys()


OURS = sorted({span for _, span in several_words() if is_of_blockdeck(span)})
OPTIONS = {span for page in PAGES for span in spans(page) if re.fullmatch(r"--\S+", span)}


def test_what_is_said_of_blockdeck_is_typed_on_a_page_or_in_a_test() -> None:
    typed = [f"{command.text} " for page in PAGES for command in commands(page)]
    missed = {
        span
        for span in {*OURS, *OPTIONS} - OF_OTHERS.keys()
        if not any(re.search(rf"(^| ){re.escape(span)}[ =]", text) for text in typed)
    }
    assert missed == TYPED_IN.keys()


@pytest.mark.parametrize("span", TYPED_IN)
def test_the_test_that_types_it_does(span: str) -> None:
    test = (CHECKOUT / "tests" / TYPED_IN[span]).read_text()
    literal = [word for word in span.split() if word.islower() and word != "blockdeck"]
    assert [word for word in literal if f'"{word}"' not in test] == []


@pytest.mark.parametrize("span", OURS)
def test_what_is_said_of_blockdeck_is_of_its_command_line(span: str) -> None:
    words = shlex.split(span)
    if words[0] == "blockdeck":
        words = words[1:]
    command: click.Command = blockdeck if words[0] in blockdeck.commands else open_ui
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    known = options(command)
    if span.startswith("--"):
        # Without the command that it is of.
        known = set().union(*map(options, every(blockdeck)), options(open_ui))
    said = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert said <= known


def options(command: click.Command) -> set[str]:
    """The names of a command's options."""
    return {name for parameter in command.params for name in parameter.opts}


def every(command: click.Command) -> Iterator[click.Command]:
    """A command and all below it."""
    yield command
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield from every(one)
