"""Keeps a demo VM until it is told to end, and says where it is, for programs that start one."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

from tui.demo.errors import DemoError
from tui.demo.vm import DemoInfo, DemoVm

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CHUNK = 4096


async def serve(announce: Callable[[DemoInfo], None], *, parent_fd: int | None = None) -> None:
    """Start a demo VM, announce it, and keep it until SIGINT, SIGTERM or SIGHUP.

    `parent_fd` is a pipe whose other end the parent holds: when it is closed, the demo ends too, so
    that a parent that was killed leaves nothing behind.

    Raises:
        DemoError: the VM does not start, or ended by itself.
    """
    loop = asyncio.get_running_loop()
    told_to_end: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not told_to_end.done():
            told_to_end.set_result(None)

    with _signals(loop, end), _parent_watched(loop, parent_fd, end):
        running = asyncio.create_task(_run(announce))
        await asyncio.wait([running, told_to_end], return_when=asyncio.FIRST_COMPLETED)
        if told_to_end.done():
            running.cancel()
        # Waited for in either case: the clean-up is part of it. A second signal changes nothing.
        await asyncio.wait([running])
        if not running.cancelled():
            running.result()


async def _run(announce: Callable[[DemoInfo], None]) -> None:
    async with DemoVm.start() as vm:
        try:
            announce(vm.info)
        except BrokenPipeError:
            return
        raise DemoError(await vm.ended())


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> Iterator[None]:
    for number in _SIGNALS:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _parent_watched(
    loop: asyncio.AbstractEventLoop, parent_fd: int | None, end: Callable[[], None]
) -> Iterator[None]:
    if parent_fd is None:
        yield
        return

    def look(pipe: int = parent_fd) -> None:
        if not os.read(pipe, _CHUNK):
            loop.remove_reader(pipe)
            end()

    try:
        loop.add_reader(parent_fd, look)
    except OSError as error:
        raise DemoError(f"file descriptor {parent_fd} is no pipe from a parent") from error
    try:
        yield
    finally:
        loop.remove_reader(parent_fd)
