"""The help of `blockdeck`, which is a command by itself and has commands."""

from typing import Any

import click
from click.shell_completion import CompletionItem

EXAMPLES = """\b
Examples:
  blockdeck /run/vm/qmp.sock
  blockdeck /run/web/qmp.sock /run/db/qmp.sock
  blockdeck ssh://root@host/run/vm/qmp.sock
  blockdeck tls://host:4444
  blockdeck 'qemu:///system?domain=NAME'
  blockdeck demo
  blockdeck config
  blockdeck discover
  blockdeck devices /run/vm/qmp.sock
  blockdeck leftovers /run/vm/qmp.sock
  blockdeck bitmaps /run/vm/qmp.sock
  blockdeck agent /run/vm/qmp.sock
  blockdeck check /run/vm/qmp.sock device=drive0 sync=full target=/backup/a.qcow2
  blockdeck backup /run/vm/qmp.sock device=drive0 target=/backup/a.qcow2 speed=50M
  blockdeck verify /backup
  blockdeck restore /backup --point 3 --disk sda disk.raw --format raw
  blockdeck prune /backup --keep-last 7 --keep-weekly 4 --dry-run

\b
Shell completions, for bash, zsh and fish: eval "$(_BLOCKDECK_COMPLETE=bash_source blockdeck)"

\b
Exit status: 0 done, 1 refused or failed, 2 usage, 3 cannot connect, 130 interrupted.
"""


class Front(click.Group):
    """A group whose help begins with the command that opens the screen.

    Args:
        screen: the command that runs where no command is named.
    """

    def __init__(self, *args: Any, screen: click.Command, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._screen = screen

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both ways to use it."""
        name = ctx.command_path
        formatter.write_usage(name, "[SOCKET | HOST:PORT | URL | NAME] [OPTIONS]")
        formatter.write_usage(name, "COMMAND ...", prefix=" " * len("Usage: "))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the screen, then the commands."""
        options = [p for p in self._screen.get_params(ctx) if isinstance(p, click.Option)]
        records = [option.get_help_record(ctx) for option in options]
        with formatter.section("Options of the screen"):
            formatter.write_dl([record for record in records if record is not None])
        self.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and monitors for the first word; behind a monitor the screen's options alone."""
        options = self._screen.shell_complete(ctx, incomplete)
        # Click has no other way to tell whether a word stands there already.
        if ctx._protected_args:
            return options
        (monitor,) = (p for p in self._screen.params if isinstance(p, click.Argument))
        items = [
            *super().shell_complete(ctx, incomplete),
            *(item for item in options if item.value not in ("--help", "--version")),
            *(() if incomplete.startswith("-") else monitor.shell_complete(ctx, incomplete)),
        ]
        words = [item for item in items if item.type == "plain"]
        return words or items


def show_front_help(context: click.Context, group: click.Group) -> None:
    """Print the help of the whole program and end."""
    with click.Context(group, info_name=context.info_name, **group.context_settings) as whole:
        click.echo(group.get_help(whole))
    context.exit()
