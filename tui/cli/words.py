"""`ARG=VALUE` words, and what becomes of them with the schema of the connected QEMU."""

from collections.abc import Iterable, Mapping

import click

from tui.backup.arguments import Json
from tui.backup.draft import ParsedDraft, parse_draft
from tui.backup.fields import form_fields
from tui.backup.verdict import Verdict
from tui.qmp.errors import ConnectionLost
from tui.worker import VmWorker


def read_words(words: Iterable[str]) -> dict[str, str]:
    """The texts by argument name.

    Raises:
        click.UsageError: a word is no `ARG=VALUE`, or an argument is given twice.
    """
    texts: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{word!r} is not of the form ARG=VALUE, as in device=drive0.")
        if name in texts:
            raise click.UsageError(f"The argument {name!r} is given twice.")
        texts[name] = text
    return texts


def read_arguments(worker: VmWorker, texts: Mapping[str, str]) -> ParsedDraft:
    """The values that QEMU would be sent, as the form reads them.

    Raises:
        ConnectionLost: QEMU's schema is not known, for there is no connection.
    """
    if worker.schema is None:
        raise ConnectionLost(worker.snapshot.connection.detail or "not connected")
    return parse_draft(texts, form_fields(worker.schema))


async def judge_draft(
    worker: VmWorker, draft: ParsedDraft, defaults: Mapping[str, Json] | None = None
) -> Verdict:
    """Judge a draft on top of defaults; what cannot be read is not said to be missing as well.

    Raises:
        QmpError: QEMU could not be asked.
    """
    unreadable = {finding.field for finding in draft.findings}
    kept = {name: value for name, value in (defaults or {}).items() if name not in unreadable}
    return draft.judged(await worker.judge({**kept, **draft.arguments}, fresh=True))
