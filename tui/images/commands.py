"""The words that `qemu-img` is run with, the same that are shown and can be copied."""

import shlex
import string
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

Command = tuple[str, ...]

PROGRAM = "qemu-img"

_HARMLESS = frozenset((string.ascii_letters + string.digits + "/._+,:=@ -").encode())
"""Bytes that stand for themselves in a format of `printf`."""


class ImageFormat(StrEnum):
    """What a disk is restored to."""

    QCOW2 = "qcow2"
    RAW = "raw"


def check(image: Path) -> Command:
    """Whether the metadata of an image are sound; nothing is repaired."""
    return (PROGRAM, "check", "--output=json", "-f", "qcow2", str(image))


def measure(image: Path, image_format: str = "qcow2") -> Command:
    """How much room what an image and those under it hold would take in one."""
    return (PROGRAM, "measure", "--output=json", "-f", image_format, "-O", "qcow2", str(image))


def convert(
    image: Path,
    target: Path,
    *,
    to: ImageFormat,
    image_format: str = "qcow2",
    cluster_size: int | None = None,
) -> Command:
    """Copy what an image and those under it hold into one new image, written through at its end."""
    options = ("-o", f"cluster_size={cluster_size}") if cluster_size else ()
    how = ("convert", "-p", "-t", "writeback", "-f", image_format, "-O", to.value)
    return (PROGRAM, *how, *options, str(image), str(target))


def compare(one: Path, one_format: str, other: Path | str, other_format: str) -> Command:
    """Whether a guest would see the same in both; what one has more of must be zeros.

    The other may be served somewhere: then it is a URL.
    """
    formats = ("-f", one_format, "-F", other_format)
    return (PROGRAM, "compare", "-p", *formats, str(one), str(other))


def rebase(image: Path, backing: str, *, renames: bool) -> Command:
    """Let an image stand on another, and hold what that one lacks.

    Args:
        image: what is changed.
        backing: what it shall stand on, as its header is to name it.
        renames: whether the other holds the same as the one before: only the header changes.
    """
    unsafe = ("-u",) if renames else ("-p",)
    return (PROGRAM, "rebase", *unsafe, "-f", "qcow2", "-b", backing, "-F", "qcow2", str(image))


def create_on(image: Path, backing: Path, backing_format: str, cluster_size: int) -> Command:
    """Make an empty image that stands on another."""
    how = ("-f", "qcow2", "-o", f"cluster_size={cluster_size}")
    return (PROGRAM, "create", "-q", *how, "-b", str(backing), "-F", backing_format, str(image))


def move_to(image: Path, url: str, url_format: str) -> Command:
    """Let an image stand on what is served, and hold what differs from it."""
    return (PROGRAM, "rebase", "-p", "-f", "qcow2", "-b", url, "-F", url_format, str(image))


def extents(image: Path | str, image_format: str | None) -> Command:
    """Which parts of an image are where, as JSON."""
    known = ("-f", image_format) if image_format else ()
    return (PROGRAM, "map", "--output=json", *known, str(image))


def as_shell(commands: Iterable[Command]) -> str:
    """The commands as a POSIX shell takes them, each on a line, each only after the one before."""
    return " &&\n".join(" ".join(map(_quoted, command)) for command in commands)


def _quoted(word: str) -> str:
    """A word for the shell, and for the terminal it is pasted in."""
    if word.isprintable():
        return shlex.quote(word)
    # A control character would act on the terminal, and what is no UTF-8 cannot be pasted.
    octal = "".join(
        chr(byte) if byte in _HARMLESS else f"\\{byte:03o}"
        for byte in word.encode(errors="surrogateescape")
    )
    return f"\"$(printf '{octal}')\""
