"""The schemas of the QEMUs that were met, each read once.

A schema never changes while a QEMU runs, and its reply has some 200 kB, so it is read once per
version and package and kept.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from tui.qmp.errors import UnexpectedReply
from tui.qmp.models import Greeting

if TYPE_CHECKING:
    from tui.qmp.schema import QmpSchema


class _Session(Protocol):
    """The part of a session that reading its schema takes."""

    @property
    def greeting(self) -> Greeting: ...

    async def execute(self, command: str) -> object: ...


_MOST_KEPT = 8
_kept: "dict[tuple[str, str], QmpSchema]" = {}

_PATIENCE = 1.0
"""Seconds to wait for what another QEMU of the same version answers."""

_asking: dict[tuple[str, str], asyncio.Event] = {}


async def read_schema(session: _Session) -> "QmpSchema":
    """The schema of the QEMU behind a session, asked for once per version and package.

    Raises:
        UnexpectedReply: the reply is not a schema.
        QmpError: as `QmpSession.execute`.
    """
    version = session.greeting.version
    key = (str(version.qemu), version.package)
    if key not in _kept and key in _asking:
        # Of many VMs that are opened at once, one is asked for all: a hundred replies take tens of
        # megabytes, which nobody gives back. That one may hang.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await _asking[key].wait()
    if key not in _kept:
        await _ask(session, key)
    return _kept[key]


async def _ask(session: _Session, key: tuple[str, str]) -> None:
    answered = asyncio.Event()
    first = _asking.setdefault(key, answered) is answered
    try:
        reply = await session.execute("query-qmp-schema")
        if key not in _kept:
            _keep(key, reply)
    finally:
        if first:
            _asking.pop(key)
            answered.set()


def _keep(key: tuple[str, str], reply: object) -> None:
    # While QEMU answers, the disks are shown.
    from tui.qmp.schema import QmpSchema

    try:
        schema = QmpSchema.from_reply(reply)
    except ValidationError as error:
        first = error.errors()[0]
        raise UnexpectedReply("query-qmp-schema", f"{first['loc']}: {first['msg']}") from error
    while len(_kept) >= _MOST_KEPT:
        _kept.pop(next(iter(_kept)))
    _kept[key] = schema
