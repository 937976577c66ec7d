"""What old QEMUs do wrong, and from which version on they do not."""

from typing import NamedTuple

_SOUND_SINCE = 7
"""QEMU 5.2 has all of it and 7.2 none; what was between is taken for as bad."""


class Traps(NamedTuple):
    """The traps of one QEMU version.

    `bad_target_freezes`: a `drive-backup` whose target cannot be opened freezes the disk (X1).
    `listing_nodes_kills`: QEMU dies of `query-named-block-nodes` while a backup job is concluded
    (X2); an ended job is to be dismissed at once. `target_closes_late`: the target of a job is let
    go of only with the job, and one round trip after it is gone.
    """

    bad_target_freezes: bool = False
    listing_nodes_kills: bool = False
    target_closes_late: bool = False


def traps_of(major: int) -> Traps:
    """The traps of a QEMU by its major version; 0, which is unknown, has none."""
    old = 0 < major < _SOUND_SINCE
    return Traps(bad_target_freezes=old, listing_nodes_kills=old, target_closes_late=old)
