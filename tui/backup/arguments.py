"""Arguments of commands: plain mappings, spelled as QEMU spells them and as its schema has them."""

from collections.abc import Mapping

from pydantic import JsonValue

Json = JsonValue
"""Any value of JSON."""

DRIVE_BACKUP = "drive-backup"
BLOCKDEV_BACKUP = "blockdev-backup"


def command(execute: str, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The QMP command that carries these arguments."""
    return {"execute": execute, "arguments": dict(arguments)}
