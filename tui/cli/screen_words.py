"""The words of the commands that show the demo, or serve the screen."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui.cli.options import READ_ONLY, Monitor
from tui.cli.output import prepare_streams

if TYPE_CHECKING:
    from tui.qmp.address import MonitorAddress

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


def screen_options(command: _Decorated) -> _Decorated:
    """Give a command the options of the screen."""
    log = click.option(
        "--log",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write a log to this file; without it nothing is logged.",
    )
    mouse = click.option(
        "--mouse/--no-mouse",
        default=True,
        help="Without the mouse the terminal's own selection works, and fewer bytes are sent.",
    )
    record = click.option(
        "--record",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write what the terminal is sent to a new file, as an asciinema cast.",
    )
    return READ_ONLY(mouse(log(record(command))))


@click.command()
@screen_options
@click.option("--headless", is_flag=True, help="Print where it is as JSON, and serve until ended.")
@click.option("--tour", is_flag=True, help="Play a story: space holds, arrows step, q leaves.")
@click.option(
    "--pace",
    type=click.FloatRange(0, 10),
    default=1.0,
    show_default=True,
    metavar="TIMES",
    help="Play the tour so many times as slowly; 0 waits for nobody.",
)
@click.option("--at", hidden=True, metavar="JSON", help="The demo VM that runs there already.")
def demo(headless: bool, **options: Any) -> int:
    """Start a throwaway demo VM and open the UI on it."""
    from tui.cli.demo import serve_demo, show_demo

    return serve_demo() if headless else show_demo(**options)


@click.command()
@click.argument("monitor", type=Monitor(), required=False, metavar="[MONITOR]")
@click.option("--host", default="localhost", show_default=True, help="Listen on this address.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Listen here."
)
@click.option("--may-write", is_flag=True, help="Let who opens the page do what you can do.")
@click.option("--directory", metavar="DIR", help="Suggest backup targets in this directory.")
@click.option(
    "--demo", is_flag=True, help="Serve a throwaway demo VM, which ends with the serving."
)
def serve(monitor: "MonitorAddress | None", demo: bool, **options: Any) -> int:
    """Serve the UI to browsers, read-only unless told otherwise.

    All browsers look on at one screen, and the first has its keys.

    There is no password: on the loopback whoever is logged in on this host can open it. It takes
    the extra blockdeck[serve].
    """
    from tui.cli.serve import serve_demo_screen, serve_screen

    prepare_streams()
    if demo:
        if monitor is not None or options.pop("directory") is not None:
            raise click.UsageError("--demo has a VM and a directory of its own.")
        return serve_demo_screen(**options)
    return serve_screen(monitor, **options)
