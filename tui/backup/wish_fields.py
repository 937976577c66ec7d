"""The fields of the form for what is done while a backup runs; QEMU has no such arguments."""

from collections.abc import Mapping

from tui.backup.fields import Choice, FormField
from tui.backup.verdict import Finding, Severity
from tui.vm.bound import Bound
from tui.vm.care import Wishes

WHEN_FULL = "when-full"
EASY = "easy"
FLEECE = "fleece"
CANCEL = "cancel"

WISH_FIELDS = (
    FormField(
        name=WHEN_FULL,
        label="When full",
        help="Watched while BlockDeck is open; a copy that fits is never cancelled.",
        kind="choice",
        type="str",
        choices=(Choice(value=CANCEL, help="cancel it before the target is full"),),
        basic=True,
        default="warn, and let it run",
    ),
    FormField(
        name=EASY,
        label="Go easy",
        help="Slows down while the guest's writes take longer than 2x, or 20 ms. Empty: never.",
        kind="text",
        type="str",
        basic=True,
        default="as fast as it can",
    ),
    FormField(
        name=FLEECE,
        label="Fleece",
        help="A directory on fast storage that takes the guest's waits from a slow target.",
        kind="text",
        type="str",
        default="none: the guest waits for the target",
    ),
)


def read_wishes(texts: Mapping[str, str]) -> tuple[Wishes, tuple[Finding, ...]]:
    """What is wished for by the texts of the form, and what is wrong with them."""
    full, easy = texts.get(WHEN_FULL, ""), texts.get(EASY, "").strip()
    try:
        bound = Bound.parse(easy) if easy else None
    except ValueError as error:
        mistake = Finding(field=EASY, severity=Severity.REFUSES, rule="S-EASY", message=f"{error}.")
        return Wishes(cancel_before_full=full == CANCEL), (mistake,)
    return Wishes(cancel_before_full=full == CANCEL, easy=bound), ()
