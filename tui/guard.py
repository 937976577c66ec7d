"""Ends the app in good order when a signal says so, or its terminal is gone; and stops it."""

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
    leaving = False

    def leave(number: signal.Signals) -> None:
        nonlocal leaving
        leaving = True
        leave_at_the_latest(PATIENCE, 128 + number, driver.fileno, driver.attrs_before)
        app.exit(128 + number, return_code=128 + number)

    def go_on() -> None:
        # Whoever loses its terminal is told to go on as well.
        if not leaving:
            driver.go_on()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        loop.add_signal_handler(number, leave, number)
    loop.add_signal_handler(signal.SIGTSTP, driver.stop)
    loop.add_signal_handler(signal.SIGCONT, go_on)
    HangUpWatch(driver.fileno, lambda: leave(signal.SIGHUP))
