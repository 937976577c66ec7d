"""The file behind a node's `filename`, which QEMU may give as `json:` with nodes inside nodes."""

import json
import re
from functools import lru_cache
from pathlib import PurePosixPath

_TEMPORARY = re.compile(r"vl\.[A-Za-z0-9]{6}")


@lru_cache(maxsize=1024)
def file_behind(filename: str) -> str:
    """The innermost file name; what is no `json:`, or has none inside, is given back as it is."""
    if not filename.startswith("json:"):
        return filename
    try:
        node = json.loads(filename.removeprefix("json:"))
    except ValueError:
        return filename
    while isinstance(node, dict):
        if isinstance(node.get("filename"), str):
            return str(node["filename"])
        node = node.get("file")
    return filename


def is_temporary_snapshot(filename: str) -> bool:
    """Whether it is the throw-away overlay of `snapshot=on`: a `vl.XXXXXX` inside `json:`."""
    behind = PurePosixPath(file_behind(filename))
    return filename.startswith("json:") and _TEMPORARY.fullmatch(behind.name) is not None
