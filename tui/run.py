"""Runs the UI in a terminal, from its first paint until it is left."""

from typing import TYPE_CHECKING, Any

from tui.app import BlockDeckApp
from tui.config import Settings
from tui.driver import PatientDriver, leave_now
from tui.qmp.address import MonitorAddress
from tui.terminal import unicode_ok

if TYPE_CHECKING:
    from tui.cast import Cast
    from tui.demo.fault_lab import FaultLab


def run_app(
    *addresses: MonitorAddress,
    mouse: bool = True,
    directory: str | None = None,
    read_only: bool = False,
    settings: Settings | None = None,
    cast: "Cast | None" = None,
    lab: "FaultLab | None" = None,
    tour: float | None = None,
) -> int:
    """Run the UI until it is left; returns the exit status."""
    PatientDriver.unicode = unicode_ok()
    PatientDriver.cast = cast
    options: dict[str, Any] = {"directory": directory, "read_only": read_only}
    options |= {"settings": settings, "lab": lab}
    if tour is None:
        app = BlockDeckApp(*addresses, **options)
    else:
        from tui.tour.app import TourApp

        app = TourApp(*addresses, pace=tour, **options)
    app.run(mouse=mouse)
    status = app.return_code or 0
    driver = app._driver
    if isinstance(driver, PatientDriver) and driver.stuck:
        # Python itself would wait for the writer that waits for the terminal.
        leave_now(status, driver.fileno, driver.attrs_before)
    return status
