"""What the driver takes from inside Textual is there."""

from queue import Queue
from typing import Any

from textual.app import App
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread
from textual.drivers.linux_driver import LinuxDriver

from tui.driver import BACKLOG, PatientDriver


def test_textuals_writer_has_the_queue_that_is_looked_at() -> None:
    class File:
        """Takes no writes."""

    writer = WriterThread(File())  # type: ignore[arg-type]  # it is never started
    assert isinstance(writer._queue, Queue)
    assert writer._queue.maxsize == MAX_QUEUED_WRITES
    # The last words take room beside the frames that wait.
    assert BACKLOG + 8 < MAX_QUEUED_WRITES


def test_textuals_driver_has_what_is_overridden() -> None:
    for name in ("write", "close", "process_message", "stop_application_mode"):
        assert callable(getattr(LinuxDriver, name))
    driver: Any = LinuxDriver.__init__.__code__.co_names
    assert {"_writer_thread", "exit_event", "attrs_before", "fileno"} <= set(driver)


async def test_a_driver_that_was_never_started_is_not_stalled() -> None:
    class Nothing(App[None]):
        """An app to have a driver for."""

    async with Nothing().run_test() as pilot:
        driver = PatientDriver(pilot.app, mouse=False)
        assert not driver.stalled
        driver.close()
        assert not driver.stuck
