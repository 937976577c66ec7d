"""What of a VM must not be overlooked, whichever screen is on show and whichever VM."""

from typing import NamedTuple

from tui.text import plain
from tui.vm.snapshot import VmSnapshot
from tui.vm.trouble import describe, describe_failing, find_failing, find_trouble
from tui.widgets.care_rows import shortage_words, slow_words, stall_words

_LONGEST = 400


class Alarm(NamedTuple):
    """The worst that is so with a VM.

    Attributes:
        sign: one word for the line of VMs; it tells alarms apart.
        state: a few words for a table.
        words: what is so, in a sentence or two.
        advice: what to press where the VM is on show; may be empty.
        harm: whether the guest is stopped or loses writes; else it only may come to that.
    """

    sign: str
    state: str
    words: str
    advice: str = ""
    harm: bool = False


def alarm_of(vm: VmSnapshot, now: float) -> Alarm | None:
    """The worst that is so with a VM; None where nothing is. `now` is monotonic seconds."""
    trouble = find_trouble(vm)
    if trouble is not None:
        words = plain(describe(trouble), _LONGEST)
        return Alarm("STOPPED", "STOPPED: I/O", words, "Press R for what to do.", harm=True)
    failing = find_failing(vm, now)
    if failing is not None:
        words = plain(describe_failing(failing), _LONGEST)
        advice = "" if vm.read_only else "Press 2, then c."
        return Alarm("FAILING", "WRITES FAIL", words, advice, harm=True)
    stalled = stall_words(vm, now)
    if stalled is not None:
        return Alarm("STALLED", "STALLED", stalled)
    short = shortage_words(vm)
    if short is not None:
        return Alarm("FULL", "TARGET FULL", short)
    slow = slow_words(vm, now)
    if slow is not None:
        advice = "" if vm.read_only else "Press 2, then e or c."
        return Alarm("SLOW", "SLOW WRITES", slow, advice)
    return None
