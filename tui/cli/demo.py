"""`blockdeck demo`: a throwaway VM, with the UI on it or for others to use."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

from pydantic import ValidationError

from tui.cli.failure import Failure, Status
from tui.cli.output import say_json
from tui.cli.screen import require_terminal, show_ui
from tui.demo.child import demo_process
from tui.demo.errors import DemoError
from tui.demo.fault_lab import FaultLab
from tui.demo.serve import serve
from tui.demo.vm import DemoInfo
from tui.qmp.address import UnixAddress


def show_demo(
    *,
    at: str | None = None,
    mouse: bool,
    log: Path | None,
    record: Path | None = None,
    read_only: bool = False,
    tour: bool = False,
    pace: float = 1.0,
) -> int:
    """Run a demo VM for as long as the UI is open; with `tour` the UI is driven by a story.

    Args:
        at: where a demo VM runs already, as `blockdeck demo --headless` prints it.

    Raises:
        Failure: there is no terminal, or no demo VM.
    """
    require_terminal()
    try:
        with demo_process() if at is None else nullcontext(_running(at)) as info:
            return show_ui(
                # The tour begins with finding the VM.
                *(() if tour else (UnixAddress(path=info.monitor),)),
                directory=str(info.backups),
                mouse=mouse,
                log=log,
                record=record,
                read_only=read_only,
                lab=FaultLab(info),
                tour=pace if tour else None,
            )
    except DemoError as error:
        raise Failure(str(error)) from error


def _running(at: str) -> DemoInfo:
    try:
        return DemoInfo.model_validate_json(at)
    except ValidationError as error:
        raise Failure("--at takes what blockdeck demo --headless prints") from error


def serve_demo() -> int:
    """Run a demo VM until a signal ends it; one JSON object says where it is.

    Raises:
        Failure: there is no demo VM, or it ended by itself.
    """
    try:
        asyncio.run(serve(_announce))
    except DemoError as error:
        raise Failure(str(error)) from error
    return Status.DONE


def _announce(info: DemoInfo) -> None:
    say_json(info.model_dump(mode="json"))
