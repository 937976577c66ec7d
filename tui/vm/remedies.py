"""What to do about an error: QEMU's words, and advice beside them.

Unknown words get no advice rather than a wrong one.
"""

import re

_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"No space left on device",
        "The target's file system is full. Make room or choose another target; what was written so "
        "far is no backup.",
    ),
    (
        r"Input/output error",
        "A disk could not be read, or the target not written: see the kernel log of QEMU's host.",
    ),
    (
        r"Permission denied",
        "The user that runs QEMU may not write there (mind AppArmor, SELinux and the directories "
        "above). Choose another directory or change its permissions.",
    ),
    (
        r"Failed to get (shared )?\"(write|consistent read|resize)\" lock",
        "Another process has the image open: another QEMU, qemu-nbd or qemu-img. End it, or choose "
        "another file.",
    ),
    (
        r"No such file or directory",
        "The path does not exist on QEMU's host, as QEMU sees it: it may run in a container or "
        "chroot.",
    ),
    (
        r"is busy: block device is in use by block job|Device '.*' is in use",
        "Another job works on this disk. Wait for its end, or cancel it on the Jobs screen.",
    ),
    (
        r"Job ID '.*' already in use",
        "Choose another job id, or dismiss the job that has it: it may have ended and be kept.",
    ),
    (
        r"(Block j|J)ob '.*' not found|Job not found|No active block job",
        "The job has ended, or another client has dismissed it: r asks QEMU again.",
    ),
    (
        r"Bitmap '.*' is inconsistent",
        "QEMU was killed before it could save the bitmap. Remove it, and begin anew with a full "
        "backup.",
    ),
    (
        r"Bitmap '.*' is currently in use",
        "Another job or an export uses the bitmap. Wait for its end.",
    ),
    (
        r"Source and target image have different sizes",
        "The target must be exactly as large as the disk. Let QEMU make it, or make it anew.",
    ),
    (
        r"Connection refused|Connection reset|Broken pipe|server disconnected",
        "The server of the target has gone or refuses. The copy is incomplete: start it anew once "
        "the server is back.",
    ),
    (
        r"Could not open backing file",
        "A file below the image is missing or in use. Mend the chain, or use sync=full.",
    ),
    (
        r"currently paused",
        "The job is paused: resume it first, or cancel it by force.",
    ),
    (
        r"Operation canceled",
        "The job was cancelled: what it wrote is no backup.",
    ),
    (
        r"Read-only file system|Block node is read-only",
        "The target cannot be written to. Choose another.",
    ),
    (
        r"Stale file handle|Transport endpoint is not connected",
        "The network file system of the target has gone away. Mount it anew.",
    ),
)


def remedy(error: str | None) -> str | None:
    """What to do about an error in QEMU's words; None where nothing is known."""
    if not error:
        return None
    return next((advice for pattern, advice in _REMEDIES if re.search(pattern, error)), None)


def with_advice(error: object) -> str:
    """An error as it is, and behind it what to do about it, where that is known."""
    words, advice = str(error), remedy(str(error))
    return f"{words.rstrip('.')}. {advice}" if advice else words
