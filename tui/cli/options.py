"""What several of the commands take: the monitor, and options of one meaning."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tui.qmp.address import MonitorAddress


class Monitor(click.ParamType[Any]):
    """A QMP monitor: a socket's path, HOST:PORT, a URL, or the name of a VM in the settings."""

    name = "monitor"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "MonitorAddress":
        """Read the address; a usage error says what is wrong with it."""
        from tui.cli.settings import settings
        from tui.qmp.address import AddressError

        try:
            return settings().address(str(value))
        except AddressError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Names of VMs, and monitors of this host."""
        from tui.cli.completion import monitors

        return monitors(incomplete)


MONITOR = click.argument("monitor", type=Monitor(), metavar="MONITOR")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
READ_ONLY = click.option(
    "--read-only", is_flag=True, help="Send QEMU nothing but questions: nothing is changed."
)
