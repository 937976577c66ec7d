"""How QEMU does the I/O of a target that BlockDeck opens as a node."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

TARGET_IO = "target-io"
"""The name of the field, and the option of the command line; QEMU has no argument of this name."""


class TargetIo(StrEnum):
    """`cache` and `aio` of the target's file node (`BlockdevOptionsFile`), by what they do.

    WRITEBACK is QEMU's default: through the page cache of its host. The others go past it
    (`cache.direct`): by Linux AIO, or by io_uring where this QEMU was built with it.
    """

    WRITEBACK = "writeback"
    DIRECT = "direct"
    IO_URING = "io_uring"

    @property
    def options(self) -> Mapping[str, Any]:
        """What `blockdev-add` of the file is told; nothing for QEMU's default."""
        match self:
            case TargetIo.WRITEBACK:
                return {}
            case TargetIo.DIRECT:
                return {"cache": {"direct": True}, "aio": "native"}
            case TargetIo.IO_URING:
                return {"cache": {"direct": True}, "aio": "io_uring"}


def read_target_io(texts: Mapping[str, str]) -> TargetIo:
    """What is chosen by the texts of the form."""
    return TargetIo(texts.get(TARGET_IO) or TargetIo.WRITEBACK)
