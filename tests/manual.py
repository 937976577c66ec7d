"""Writes the manual pages from what click knows: `python -m tests.manual`."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click
from click_man.man import ManPage

import tui
from tui.cli.commands import commands
from tui.cli.front import open_ui
from tui.cli.help import EXAMPLES
from tui.paths import STYLES

PLACE = STYLES.parent / "man" / "man1"

_MORE = r"""
.SH MONITORS
The path of a socket, HOST:PORT, ssh://[user@]host[:port]/path, ssh://[user@]host[:port]/HOST:PORT,
tls://host:port, qemu:///system?domain=NAME, or the name of a VM in the settings.
Without one, the VMs of this host are listed.
.SH FILES
.TP
\fI$XDG_CONFIG_HOME/blockdeck/config.toml\fP
The settings; \fBblockdeck config \-\-init\fP writes one to begin with.
.TP
\fI$XDG_STATE_HOME/blockdeck/\fP
The audit log, the reports of backups, what is remembered.
.SH EXIT STATUS
.TP
\fB0\fP
Done; of \fBbackup\fP, the backup has succeeded.
.TP
\fB1\fP
Refused, or failed.
.TP
\fB2\fP
Wrong usage, or a mistake in the settings.
.TP
\fB3\fP
The monitor cannot be connected to.
.TP
\fB130\fP
Interrupted; a job that was started lives on.
.SH EXAMPLES
.nf
"""


def pages() -> dict[str, str]:
    """The text of each page, by the name of its file."""
    with click.Context(commands, info_name="blockdeck") as whole:
        made = {"blockdeck.1": _front(whole)}
        for name, command in sorted(commands.commands.items()):
            with click.Context(command, info_name=name, parent=whole) as context:
                made[f"blockdeck-{name}.1"] = _text(_page(context)) + _see("blockdeck")
    return made


def _front(context: click.Context) -> str:
    page = _page(context)
    page.synopsis = "[MONITOR] [OPTIONS]\n.br\n.B blockdeck\nCOMMAND ..."
    page.options = list(_options(open_ui, context))
    page.commands = [(n, _first(c)) for n, c in sorted(commands.commands.items())]
    lines = inspect.cleandoc(EXAMPLES).splitlines()
    examples = [line.strip() for line in lines if line.startswith("  blockdeck")]
    others = (f"blockdeck-{name}" for name in sorted(commands.commands))
    return _text(page) + _MORE.lstrip("\n") + "\n".join(examples) + "\n.fi\n" + _see(*others)


def _page(context: click.Context) -> ManPage:
    page = ManPage(context.command_path)
    page.version = tui.__version__
    # Pages that differ by the day would never be current.
    page.date = ""
    page.short_help = _first(context.command).rstrip(".")
    page.description = inspect.cleandoc(context.command.help or "")
    page.synopsis = " ".join(context.command.collect_usage_pieces(context))
    page.options = list(_options(context.command, context))
    return page


def _options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield record


def _first(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").partition("\n")[0]


def _text(page: ManPage) -> str:
    """The page, where no line of text is taken for an instruction."""
    lines = str(page).splitlines()
    instructions = (".TH ", ".SH ", ".PP", ".TP", ".B ", ".br")
    safe = (
        rf"\&{line}" if line.startswith((".", "'")) and not line.startswith(instructions) else line
        for line in lines
    )
    return "\n".join(safe) + "\n"


def _see(*names: str) -> str:
    told = ",\n".join(rf".BR {name} (1)".replace("-", r"\-") for name in names)
    return f".SH SEE ALSO\n{told.replace(',', ' ,')}\n"


def main(place: Path = PLACE) -> None:
    """Write them, and take away those of commands that are no more."""
    place.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in place.glob("*.1"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (place / name).write_text(text)


if __name__ == "__main__":
    main()
