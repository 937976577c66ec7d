"""Whether the target can hold compressed data."""

from collections.abc import Iterator

from tui.backup.formats import WITH_COMPRESSION
from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, rule
from tui.backup.verdict import Severity
from tui.backup.wording import quote

_EMPTY = 5 * 65536
"""Bytes that an image without data has at the most: five clusters, up to 512 GiB."""


def _target_drive(case: Case) -> str:
    """The backend on the target, which QEMU names; a target of drive-backup has none."""
    return case.target_node.default_job_id if case.is_blockdev_backup else ""


@rule("J-COMPRESS", Severity.REFUSES)
def cannot_compress(case: Case) -> Iterator[Hit]:
    """Only some formats can hold compressed data."""
    target = case.target_node if case.is_blockdev_backup else None
    # Under the backend's name QEMU finds the filter of a job that works on it.
    filtered = target is not None and target.by_backend and target.busy is not None
    unfit = case.format is not None and (filtered or case.format not in WITH_COMPRESSION)
    if case.is_on("compress") and unfit:
        yield Hit(
            "compress",
            f"{quote(case.format)} cannot hold compressed data; choose format qcow2 or leave "
            "compress off.",
            f"Compression is not supported for this drive {_target_drive(case)}",
        )


@rule("J-COMPRESS", Severity.UNKNOWN)
def compress_unknown(case: Case) -> Iterator[Hit]:
    """The format of the target is not known."""
    if case.is_on("compress") and case.format is None and "format" not in case.arguments:
        yield Hit("compress", "Only some formats can be compressed; name the format to be sure.")


@rule("J-QCOW", Severity.UNKNOWN)
def compress_qcow(case: Case) -> Iterator[Hit]:
    """A compressed backup to qcow fails as soon as there is data."""
    if case.is_on("compress") and case.format == "qcow":
        yield Hit(
            "compress", "A compressed backup to qcow fails once there is data; choose format qcow2."
        )


@rule("J-FILLED", Severity.UNKNOWN)
def compress_onto_data(case: Case) -> Iterator[Hit]:
    """Compressed data cannot replace what an existing target has."""
    if not case.is_on("compress") or case.creates or case.format not in WITH_COMPRESSION:
        return
    facts = case.facts
    empty = facts is not None and facts.size is not None and facts.size <= _EMPTY
    if not empty:
        yield Hit(
            "compress",
            "Compressed data cannot replace data that the target has: the job would fail with an "
            "I/O error. Leave compress off, or take a fresh target.",
        )


RULES = (cannot_compress, compress_unknown, compress_qcow, compress_onto_data)
