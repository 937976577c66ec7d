"""What a shell is told when a monitor is completed: names, addresses, files."""

import asyncio
from collections.abc import Iterator

from click.shell_completion import CompletionItem


def monitors(incomplete: str) -> list[CompletionItem]:
    """The VMs with a name, then the monitors of this host; nothing is connected to.

    Where nothing fits, the shell completes a file. It is not asked for both: zsh loses the word.
    """
    items: dict[str, CompletionItem] = {}
    for word, told in (*_named(), *_found()):
        if word.startswith(incomplete):
            items.setdefault(word, CompletionItem(word, help=told))
    return list(items.values()) or [CompletionItem(incomplete, type="file")]


def _named() -> Iterator[tuple[str, str]]:
    from tui.config import Mistakes, load

    try:
        settings = load().settings
    except (Mistakes, OSError):
        # They are told to whoever runs a command; here they would stand in the line being typed.
        return
    for name, vm in settings.vms.items():
        yield name, str(vm.monitor)


def _found() -> Iterator[tuple[str, str]]:
    from tui.discovery.scout import Scout
    from tui.text import plain

    for vm in asyncio.run(Scout(asks=False).look()).vms:
        best = vm.best
        if vm.pid is not None and vm.usable and best is not None:
            yield str(best.address), plain(vm.title, 40)
