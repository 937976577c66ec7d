"""Ends the app in good order when a signal says so, or its terminal is gone."""

import asyncio
import signal
from typing import TYPE_CHECKING

from tui.driver import HangUpWatch, PatientDriver, leave_at_the_latest

if TYPE_CHECKING:
    from tui.app import BlockDeckApp

PATIENCE = 0.6
"""Seconds the app has to leave by itself."""


def guard(app: "BlockDeckApp", driver: PatientDriver) -> None:
    """Watch from now on; to be called in the event loop of the app."""

    def leave(number: signal.Signals) -> None:
        leave_at_the_latest(PATIENCE, 128 + number, driver.fileno, driver.attrs_before)
        app.exit(128 + number, return_code=128 + number)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        loop.add_signal_handler(number, leave, number)
    HangUpWatch(driver.fileno, lambda: leave(signal.SIGHUP))
