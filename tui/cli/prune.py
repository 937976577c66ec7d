"""`blockdeck prune`: deletes the points that no rule keeps, after it has shown them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tui.cli.failure import Failure, Status
from tui.cli.images_run import Teller, find_chains, run_interruptibly
from tui.cli.output import note, say, say_json
from tui.images.errors import ImageError
from tui.images.prune import prune
from tui.images.prune_plan import ChainPrune, plan_prune
from tui.images.prune_words import as_lines, summary
from tui.images.retention import Rules
from tui.units import size


def prune_chains(path: Path, rules: Rules, *, yes: bool, dry_run: bool, as_json: bool) -> int:
    """Show what goes; then, if it may, delete it.

    Raises:
        Failure: there is no chain, or it may not.
    """
    chains, bad = find_chains(path)
    for words in bad:
        note(words)
    if bad:
        raise Failure("nothing is pruned beside a manifest that cannot be read")
    plans = run_interruptibly(plan_prune(chains, rules))
    for plan in plans:
        _tell(plan, as_json=as_json)
    work = [plan for plan in plans if not plan.idle and not plan.hindrance]
    hindered = any(plan.hindrance for plan in plans)
    if not as_json:
        say(summary(plans))
    if dry_run:
        return Status.DONE
    if work and not yes:
        # Outside of the event loop, so that Ctrl-C ends the question.
        _ask()
    done = run_interruptibly(_prune(work, as_json=as_json))
    return Status.DONE if done and not hindered else Status.FAILED


async def _prune(plans: Sequence[ChainPrune], *, as_json: bool) -> bool:
    """One chain after the other; whether all of them could be."""
    done = True
    for plan in plans:
        try:
            with Teller(as_json=as_json) as teller:
                gone = await prune(plan, teller)
        except ImageError as error:
            done = False
            _tell_failure(plan, error, as_json=as_json)
            continue
        if as_json:
            told = {"chain": plan.kept.chain.id, "deleted": list(gone)}
            say_json({"type": "pruned", **told})
        else:
            say(f"pruned: chain {plan.kept.chain.id}, {len(gone)} files, {size(plan.freed)}")
    return done


def _ask() -> None:
    if not sys.stdin.isatty():
        raise Failure("nothing was deleted", "Say --yes to delete what is listed.")
    if not click.confirm("Delete these points?", default=False, err=True):
        raise Failure("nothing was deleted")


def _tell(plan: ChainPrune, *, as_json: bool) -> None:
    if not as_json:
        for line in as_lines(plan):
            say(line)
        return
    told: dict[str, Any] = {
        "chain": plan.kept.chain.id,
        "vm": plan.kept.chain.vm,
        "keep": [{"point": n, "by": list(why)} for n, why in sorted(plan.reasons.items())],
        "drop": [point.serial for point in plan.drop],
        "whole": plan.whole,
        "makes": [
            {"file": m.file, "point": m.serial, "disk": m.disk, "how": m.making.value}
            for m in plan.rebuilds
        ],
        "writes": plan.written,
        "deletes": [{"file": name, "bytes": count} for name, count in plan.deletes],
        "frees": plan.freed,
        "hindrance": plan.hindrance or None,
    }
    say_json({"type": "plan", **told})


def _tell_failure(plan: ChainPrune, error: ImageError, *, as_json: bool) -> None:
    if as_json:
        told = {"error": error.sentence, "advice": error.advice or None}
        say_json({"type": "failed", "chain": plan.kept.chain.id, **told})
        return
    note(f"chain {plan.kept.chain.id} is not pruned: {error.sentence}")
    if error.advice:
        note(error.advice)
