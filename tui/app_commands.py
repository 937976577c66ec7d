"""What the command palette offers: every action that works where one is, by its name."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from tui.screens.fleet_commands import fleet_commands
from tui.screens.image_commands import palette_commands
from tui.text import markup

if TYPE_CHECKING:
    from tui.app import BlockDeckApp


def app_commands(app: "BlockDeckApp", screen: Screen[Any]) -> Iterator[SystemCommand]:
    """The acts that have a key, and those that have none, as the palette takes them: as markup."""
    for name, told, act, discover in _commands(app, screen):
        # A VM's name is in some, and a key may be a bracket.
        yield SystemCommand(markup(name), markup(told), act, discover)


def _commands(app: "BlockDeckApp", screen: Screen[Any]) -> Iterator[SystemCommand]:
    offered = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        # What has a tooltip is an act of ours; moving about is left to the keys.
        if binding.tooltip and active.enabled and binding.action not in offered:
            offered.add(binding.action)
            act = _runner(app, active.node, binding.action)
            told = f"{binding.tooltip} ({app.get_key_display(binding)})"
            yield SystemCommand(binding.description, told, act)
    yield from palette_commands(app)
    yield from fleet_commands(app)
    if app.lab is not None:
        from tui.demo_commands import fault_commands

        yield from fault_commands(app, app.lab)
    yield SystemCommand("Theme", "Other colours", app.action_change_theme)


def _runner(app: "BlockDeckApp", node: Any, action: str) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        await app.run_action(action, node)

    return act
