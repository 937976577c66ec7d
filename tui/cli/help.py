"""The help of `blockdeck`, which is a command by itself and has commands."""

from typing import Any

import click

EXAMPLES = """\b
Examples:
  blockdeck /run/vm/qmp.sock
  blockdeck demo
  blockdeck devices /run/vm/qmp.sock
  blockdeck check /run/vm/qmp.sock device=drive0 sync=full target=/backup/a.qcow2
  blockdeck backup /run/vm/qmp.sock device=drive0 target=/backup/a.qcow2 speed=50M

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
        formatter.write_usage(name, "[SOCKET | HOST:PORT] [OPTIONS]")
        formatter.write_usage(name, "COMMAND ...", prefix=" " * len("Usage: "))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the screen, then the commands."""
        options = [p for p in self._screen.get_params(ctx) if isinstance(p, click.Option)]
        records = [option.get_help_record(ctx) for option in options]
        with formatter.section("Options of the screen"):
            formatter.write_dl([record for record in records if record is not None])
        self.format_commands(ctx, formatter)


def show_front_help(context: click.Context, group: click.Group) -> None:
    """Print the help of the whole program and end."""
    with click.Context(group, info_name=context.info_name, **group.context_settings) as whole:
        click.echo(group.get_help(whole))
    context.exit()
