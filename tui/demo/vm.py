"""The demo VM: a real QEMU in a private directory, gone without a trace when it ends."""

import asyncio
import contextlib
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tui.demo.content import fill
from tui.demo.disks import disk_options, make_images
from tui.demo.errors import DemoError
from tui.demo.firmware import halting, writing
from tui.demo.qemu import Qemu, running_qemu
from tui.demo.qemu_binary import find_qemu
from tui.demo.target_filesystem import own_filesystem
from tui.demo.writer import demo_loads, write_on
from tui.qmp.address import UnixAddress
from tui.qmp.errors import ConnectFailure, QmpError
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession

OLDEST_QEMU = (5, 2)
NEEDED_BYTES = 768 << 20
"""What the images and a full backup of each disk take."""

NAME = "demo"
"""What QEMU calls the VM."""

_STILL_UUID = uuid.UUID("b10cdecc-0000-4000-8000-000000000001")
_START_SECONDS = 20.0
_DYING_SECONDS = 2.0
_COMMAND_SECONDS = 5.0


class DemoInfo(BaseModel):
    """Where the pieces of a demo VM are.

    `monitor` is for the operator, `second_monitor` for a tool beside BlockDeck, `writer_monitor` is
    held by the guest-like writes. `backups` is an empty directory for targets, with
    `own_filesystem` on a small file system that holds nothing else.
    """

    model_config = ConfigDict(frozen=True)

    monitor: Path
    second_monitor: Path
    writer_monitor: Path
    directory: Path
    backups: Path
    pid: int
    own_filesystem: bool = False


class DemoVm:
    """A running demo VM; its places are attributes as in `DemoInfo`."""

    def __init__(self, info: DemoInfo, qemu: Qemu) -> None:
        self.info = info
        self.monitor = info.monitor
        self.second_monitor = info.second_monitor
        self.writer_monitor = info.writer_monitor
        self.directory = info.directory
        self.backups = info.backups
        self.pid = info.pid
        self._qemu = qemu

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, *, still: bool = False) -> "AsyncIterator[DemoVm]":
        """Start one; at the end of the context QEMU is killed and its directory removed.

        Args:
            still: its guest writes nothing after the disks are filled, and its UUID is always the
                same: for pictures, which are to differ only where BlockDeck does.

        Raises:
            DemoError: QEMU is missing, too old, or refuses; or there is no room for the images.
        """
        binaries = find_qemu()
        with _private_directory() as directory:
            places = _places(directory)
            await make_images(binaries.img, directory)
            name = _STILL_UUID if still else uuid.uuid4()
            options = [
                *binaries.options,
                *_machine(directory, name, writes=not still),
                *disk_options(directory),
            ]
            running = running_qemu(
                binaries.system,
                options,
                [places["monitor"], places["second_monitor"], places["writer_monitor"]],
                directory / "qemu.log",
            )
            async with (
                own_filesystem(places["backups"]) as own,
                running as qemu,
                _guest(qemu, places["writer_monitor"], directory, writes=not still),
            ):
                info = DemoInfo(directory=directory, pid=qemu.pid, own_filesystem=own, **places)
                yield cls(info, qemu)

    async def ended(self) -> str:
        """Wait until QEMU has ended by itself or by the operator's `quit`; tells how, in words."""
        return await self._qemu.ended()


@contextlib.contextmanager
def _private_directory() -> Iterator[Path]:
    try:
        room = shutil.disk_usage(tempfile.gettempdir()).free
        if room < NEEDED_BYTES:
            raise DemoError(
                f"the demo needs {NEEDED_BYTES >> 20} MiB in {tempfile.gettempdir()}, there are "
                f"{room >> 20}; name a larger directory in TMPDIR"
            )
        temporary = tempfile.TemporaryDirectory(prefix="blockdeck-demo-")
    except OSError as error:
        raise DemoError(f"no directory can be made for the demo: {error}") from error
    with temporary as name:
        yield Path(name).resolve()


def _places(directory: Path) -> dict[str, Path]:
    names = {
        "monitor": "monitor.sock",
        "second_monitor": "second.sock",
        "writer_monitor": "writer.sock",
        "backups": "backups",
    }
    places = {role: directory / name for role, name in names.items()}
    places["backups"].mkdir()
    return places


def _machine(directory: Path, name: uuid.UUID, *, writes: bool) -> Iterator[str]:
    guest = directory / "guest.bin"
    guest.write_bytes(writing() if writes else halting())
    yield from ("-name", NAME, "-uuid", str(name))
    yield from ("-machine", "q35,accel=tcg", "-m", "16", "-bios", str(guest))
    # Its local APIC would hold the timer back until it is set up.
    yield from ("-cpu", "qemu64,apic=off")
    # It begins once there is something on its disks.
    yield from ("-S", "-no-user-config", "-nodefaults", "-display", "none")


@contextlib.asynccontextmanager
async def _guest(
    qemu: Qemu, monitor: Path, directory: Path, *, writes: bool
) -> AsyncIterator[None]:
    """Fill the disks, then have the guest write, if it does, until the end of the context."""
    async with await _first_session(qemu, monitor) as session:
        try:
            await fill(session, directory)
            await session.execute("cont", timeout=_COMMAND_SECONDS)
        except QmpError as error:
            raise DemoError(f"QEMU did not get the demo's disks ready: {error}") from error
        loads = demo_loads() if writes else []
        writing = asyncio.create_task(write_on(session, loads), name="demo guest")
        try:
            yield
        finally:
            writing.cancel()
            await asyncio.wait([writing])


async def _first_session(qemu: Qemu, monitor: Path) -> QmpSession:
    try:
        session = await QmpSession.connect(
            UnixAddress(path=monitor), on_event=_ignore, timeout=_START_SECONDS
        )
    except ConnectFailure as error:
        try:
            async with asyncio.timeout(_DYING_SECONDS):
                why = await qemu.ended()
        except TimeoutError:
            why = error.sentence
        raise DemoError(f"QEMU refuses to start: {why}") from error
    version = session.greeting.version.qemu
    if (version.major, version.minor) < OLDEST_QEMU:
        await session.close()
        oldest = ".".join(map(str, OLDEST_QEMU))
        raise DemoError(f"this is QEMU {version}; the demo needs {oldest} or newer")
    return session


def _ignore(event: QmpEvent) -> None:
    """The guest takes no part in what happens to its VM."""
