"""Serves a disk of the VM to this host, read-only, for as long as somebody compares it (NBD).

A QEMU has one NBD server at the most. It listens on a socket in a directory that only we and QEMU
may enter, and that is locked while somebody uses it: what a BlockDeck left that was killed is known
by that, and ended by the next one.
"""

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tui.chain.disks import NotPossible, recorded_since_last
from tui.chain.lock import ChainBusy, alone_with
from tui.chain.manifest import Chain
from tui.host.process import QemuProcess
from tui.qmp.errors import CommandRefused, NotAnswering, QmpError
from tui.qmp.gate import Gate
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession
from tui.vm.snapshot import Medium, VmSnapshot
from tui.whole import whole
from tui.worker.marks import MARKS, Marks
from tui.worker.serving_place import OWNER, answers, left_in, serving_place

log = logging.getLogger(__name__)

EXPORT = "blockdeck-compare"
"""The id of the export; its name is `disk`."""

_SERVER, _NBD = "nbd-server-start", "nbd"
_SOCKET = "nbd.sock"
_RUNS_ALREADY = "already running"
_SERVES_FROM_THREADS = 10
_LOOK_SECONDS = 0.05


class Serving:
    """Serves disks of one VM.

    Args:
        gate: what is refused where QEMU is only asked.
        process: the QEMU, where it runs on this host.
        local: whether the files that QEMU makes are those that are seen here.
        session: the connection, or raises `ConnectionLost`.
        refresh: asks QEMU for everything again.
        deadline: seconds for each command.
    """

    def __init__(
        self,
        gate: Gate,
        process: Callable[[], QemuProcess | None],
        local: Callable[[], bool],
        session: Callable[[], QmpSession],
        refresh: Callable[[], Awaitable[VmSnapshot]],
        deadline: float,
    ) -> None:
        self._gate = gate
        self._process = process
        self._local = local
        self._session = session
        self._refresh = refresh
        self._deadline = deadline
        self._places: set[Path] = set()
        self._marks = Marks(self.look, self._send, self._end_export)

    async def settle(self) -> None:
        """Serve nothing any more, whoever still reads: the connection is about to end."""
        for place in tuple(self._places):
            try:
                await self._stop(place)
            except QmpError as error:
                log.warning("the NBD server of %s may still run: %s", place, error)
        await self._marks.settle()

    def disk(self, chain: Chain, name: str) -> "ServedDisk":
        """A disk of a chain, as it is since the chain's last point."""
        return ServedDisk(self, chain, name)

    async def look(self, chain: Chain, name: str) -> tuple[Medium, int]:
        """A disk, and the bytes that were written to it since the last point.

        Raises:
            NotPossible: the bitmap of that point does not tell.
            QmpError: QEMU could not be asked.
        """
        return recorded_since_last(await self._refresh(), chain, name)

    @contextlib.asynccontextmanager
    async def served(self, chain: Chain, name: str) -> AsyncIterator[str]:
        """The URL of a disk; on every way out export, server and socket are gone.

        The export is taken off its node when all that is under way there is done.

        Raises:
            NotPossible: it cannot be served; the words tell why.
            QmpError: QEMU refused, or did not answer; where it did not, it may still serve.
        """
        process = self._seen()
        await self._is_harmless()
        medium, _ = await self.look(chain, name)
        await self._end_what_was_left(process)
        with serving_place(process) as place, self._of(place):
            await self._start_server(place)
            try:
                await self._marks.forget_old(medium)
                export = {"type": _NBD, "id": EXPORT, "node-name": medium.node_name}
                await self._send("block-export-add", {**export, "name": "disk"})
                yield f"nbd+unix:///disk?socket={quote(str(place / _SOCKET))}"
            except BaseException as error:
                try:
                    await whole(self._stop(place))
                except QmpError as more:
                    error.add_note(f"The NBD server may still run: {more}")
                raise
            await whole(self._stop(place))

    def marked(self, chain: Chain, name: str) -> AbstractAsyncContextManager[str]:
        """As `Marks.served`, of a disk that is served."""
        (place,) = self._places
        return self._marks.served(chain, name, place / _SOCKET)

    def _seen(self) -> QemuProcess:
        if self._gate.read_only:
            raise NotPossible(
                "BlockDeck is read-only, and to compare its disk QEMU would have to serve it."
            )
        process = self._process()
        if process is None or not self._local():
            raise NotPossible("The QEMU of this VM is not seen on this host.")
        if process.uid != os.geteuid() and os.geteuid() != 0:
            raise NotPossible("This QEMU runs as another user: only root can be served by it.")
        return process

    async def _is_harmless(self) -> None:
        """Whether QEMU survives it, which of a disk in a thread of its own it may not.

        QEMU 7.2 ends (`blk_aio_attached: Assertion`) when a client of its NBD server leaves while
        the disk is in an iothread; 10.0 and 11.1 were seen to go on. Which disk is in one is not
        told, so none of the VM's may be.
        """
        session = self._session()
        if session.greeting.version.qemu.major >= _SERVES_FROM_THREADS:
            return
        if await session.execute("query-iothreads", timeout=self._deadline):
            raise NotPossible(
                "This VM has iothreads, and its QEMU may end when it has served a disk that is in "
                f"one: before QEMU {_SERVES_FROM_THREADS} its disks are not served."
            )

    @contextlib.contextmanager
    def _of(self, place: Path) -> Iterator[None]:
        self._places.add(place)
        try:
            yield
        finally:
            self._places.remove(place)

    async def _start_server(self, place: Path) -> None:
        address = {"type": "unix", "data": {"path": str(place / _SOCKET)}}
        try:
            await self._send(_SERVER, {"addr": address})
        except CommandRefused as refusal:
            if _RUNS_ALREADY not in refusal.desc:
                raise
            raise NotPossible(
                "This QEMU serves disks by NBD to somebody already, and has one server only."
            ) from refusal
        except (NotAnswering, asyncio.CancelledError):
            # It may have come to run all the same.
            await whole(self._stop(place))
            raise

    async def _stop(self, place: Path) -> None:
        """End export and server; a server that others came to use meanwhile stays theirs.

        Raises:
            QmpError: it may still run.
        """
        if not (place / _SOCKET).exists():
            # Whatever serves, it is no server of ours.
            return
        ask = Queries(self._session(), self._deadline)
        exports = [export for export in await ask.exports() if export.type == _NBD]
        if all(export.id in (EXPORT, MARKS) for export in exports):
            await self._send("nbd-server-stop")
            return
        await self._end_export(EXPORT)

    async def _end_export(self, export_id: str) -> None:
        ask = Queries(self._session(), self._deadline)
        with contextlib.suppress(CommandRefused):
            await self._send("block-export-del", {"id": export_id, "mode": "hard"})
        try:
            async with asyncio.timeout(self._deadline):
                while True:
                    if all(export.id != export_id for export in await ask.exports()):
                        return
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise NotAnswering("block-export-del", self._deadline) from None

    async def _end_what_was_left(self, process: QemuProcess) -> None:
        """End the server that a BlockDeck left in this QEMU when it was killed."""
        for place in left_in(process):
            with contextlib.suppress(ChainBusy), alone_with(place / OWNER):
                if answers(place / _SOCKET):
                    await self._stop(place)
                shutil.rmtree(place, ignore_errors=True)

    async def _send(self, command: str, arguments: dict[str, Any] | None = None) -> None:
        await self._session().execute(command, arguments, timeout=self._deadline)


class ServedDisk:
    """One disk of a chain, as it is in the VM."""

    def __init__(self, serving: Serving, chain: Chain, name: str) -> None:
        self._serving = serving
        self._chain = chain
        self._name = name

    async def written(self) -> int:
        """The bytes that were written since the last point, by the bitmap of that point.

        Raises:
            NotPossible: it does not tell.
            QmpError: QEMU could not be asked.
        """
        return (await self._serving.look(self._chain, self._name))[1]

    def served(self) -> AbstractAsyncContextManager[str]:
        """As `Serving.served`."""
        return self._serving.served(self._chain, self._name)

    def marks(self) -> AbstractAsyncContextManager[str]:
        """As `Serving.marked`."""
        return self._serving.marked(self._chain, self._name)
