"""What to tell the operator of an error."""

import sys

from pydantic import ValidationError

from tui.backup.advice import advice_for
from tui.cli.failure import Failure, Status
from tui.qmp.errors import CommandRefused, ConnectFailure, QmpError, ReadOnly, notes_of


def explain(error: Exception) -> Failure | None:
    """What to tell the operator of an error that can be expected; None for a fault of ours."""
    failure, notes = _explained(error), notes_of(error)
    if failure is None or not notes:
        return failure
    return Failure(f"{failure.sentence.rstrip('.')}. {notes}", failure.advice, failure.status)


def _explained(error: Exception) -> Failure | None:
    match error:
        case Failure():
            return error
        case ConnectFailure():
            return Failure(error.sentence, error.advice, Status.UNREACHABLE)
        case ReadOnly():
            told_here = "--read-only" in sys.argv
            of_option = "Leave out --read-only to let it be sent."
            of_settings = "The settings say so; where: blockdeck config --show"
            return Failure(str(error), of_option if told_here else of_settings)
        case CommandRefused():
            sentence = f"QEMU refused {error.command}: {error.desc}"
            return Failure(sentence, advice_for(error.desc) or "")
        case QmpError():
            return Failure(str(error))
        case ValidationError():
            return Failure("QEMU answered with something this program does not understand.")
        case OSError():
            return Failure(
                f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
            )
    return None
