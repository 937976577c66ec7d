"""From the words of the command line to an exit status."""

import os
import sys
from collections.abc import Callable

import click

from tui.cli.failure import Failure, Status
from tui.cli.front import COMMANDS, open_ui
from tui.cli.output import PROGRAM, abandon_output, complain, quiet_logging
from tui.garbage import collect_as_it_suits_imports

_COMPLETES = f"_{PROGRAM}_COMPLETE".upper()
"""Set by the scripts that click makes for a shell."""

_ANSWERED_BY_THE_GROUP = frozenset({"-h", "--help", "--version"})


def main() -> int:
    """Run `blockdeck`; returns the exit status."""
    collect_as_it_suits_imports()
    # Nothing is plugged into our models: to look for it would read about every package there is.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    quiet_logging()
    words = sys.argv[1:]
    command: click.Command = open_ui
    if (words and words[0] in COMMANDS | _ANSWERED_BY_THE_GROUP) or _COMPLETES in os.environ:
        from tui.cli.commands import commands as command
    return _run(lambda: command.main(words, prog_name=PROGRAM, standalone_mode=False))


def _run(act: Callable[[], object]) -> int:
    """Every expected failure becomes a sentence and a status; nothing else is caught."""
    try:
        status = act()
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else PROGRAM
        complain(error.format_message(), f"Try {where} --help")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return Status.INTERRUPTED
    except BrokenPipeError:
        abandon_output()
        complain("nobody reads standard output any more")
        return Status.FAILED
    except Failure as failure:
        complain(failure.sentence, failure.advice)
        return failure.status
    except Exception as error:
        # Whatever can raise it has imported this already; --help and --version need not.
        from tui.cli.explain import explain

        explained = explain(error)
        if explained is None:
            raise
        complain(explained.sentence, explained.advice)
        return explained.status
    return status if isinstance(status, int) else 0
