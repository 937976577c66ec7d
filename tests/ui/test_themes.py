"""All themes can be read on every screen; the one that was chosen comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.color import Color, ColorType
from textual.command import CommandPalette
from textual.theme import BUILTIN_THEMES

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck, open_form
from tests.waiting import until
from tui.config import Settings
from tui.legible import FIELD, focused_field, legible
from tui.screens.devices import DevicesScreen
from tui.themes import CONTRAST, CONTRAST_LIGHT, OWN, theme_names
from tui.widgets.key_bar import KeyBar

NO_TEXT = set(" ─│┌┐└┘▁▂▃▄▅▆▇█▉▊▋▌▍▎▏░▒▓▔▕╺╸━")
"""What only makes a form: lines, bars, the ends of scrollbars."""


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a disk to back up, one that cannot be, and jobs of every outcome."""
    disk = tmp_path / "disk.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", disk, "16M")
    vm = await qemu(
        *("-name", "themed", "-drive", f"if=none,id=good,format=qcow2,file={disk}"),
        *("-drive", "if=none,id=cdrom,media=cdrom"),
        *("-blockdev", "null-co,node-name=slow,size=1073741824,read-zeroes=on"),
    )
    await vm.write("good", 0, 1 << 20, 1)
    place = {"format": "qcow2", "sync": "full"}
    await vm.qmp("drive-backup", place, device="good", job_id="done", target=f"{tmp_path}/a")
    await vm.qmp(
        "drive-backup", place, device="slow", job_id="goes", target=f"{tmp_path}/b", speed=1
    )
    return vm


def dimmed(deck: Deck) -> set[str]:
    """What cannot be used at the moment, without spaces: that is what its being dim tells."""
    bars = deck.app.screen.query(KeyBar)
    keys = [key for bar in bars for key in bar.keys if not key.enabled]
    return {
        "Startbackup",
        *(part.replace(" ", "") for key in keys for part in (key.name, key.words)),
    }


def texts(deck: Deck) -> Iterator[tuple[str, Color, Color]]:
    """The texts on the screen with the colours that the terminal is sent for them."""
    off = {"", *dimmed(deck)}
    for strip in deck.app.screen._compositor.render_strips():
        for text, style, _ in strip:
            words = "".join(character for character in text if character not in NO_TEXT)
            if words.strip() in off or style is None:
                continue
            if style.color is None or style.bgcolor is None:
                continue
            ink, ground = style.color, style.bgcolor
            yield words, *((ground, ink) if style.reverse else (ink, ground))


def ratio(one: Color, other: Color) -> float:
    """WCAG 2.1's contrast, reckoned anew."""

    def luminance(colour: Color) -> float:
        parts = [part / 255 for part in colour.get_truecolor()]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def illegible(deck: Deck, least: float) -> list[str]:
    """What is hard to read."""
    return [
        f"{deck.app.theme}: {words!r} {ink.name} on {ground.name}: {ratio(ink, ground):.2f}"
        for words, ink, ground in texts(deck)
        if ColorType.DEFAULT not in (ink.type, ground.type) and ratio(ink, ground) < least - 0.01
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_all_text_of_all_screens_can_be_read_in_all_themes(
    vm: Vm, open_deck: DeckOpener
) -> None:
    found = []
    async with open_deck(vm, (120, 40)) as deck:
        await deck.go_to_row("good")
        for keys in (("1",), ("2",), ("3",), ("4",), ("5",), ("L",), ("o",)):
            await deck.press(*keys)
            found += await over_all_themes(deck)
            if keys == ("L",):
                await deck.press("escape")
        await deck.press("escape")
        form = await open_form(deck, "good")
        await form.is_ready()
        found += await over_all_themes(deck)
        await form.go_to("compress")
        found += await over_all_themes(deck)
        await form.go_to("target")
        await deck.press("home", *"relative")
        await until(lambda: not form.can_start)
        found += await over_all_themes(deck)
    assert not found, "\n".join(sorted(set(found)))


async def over_all_themes(deck: Deck) -> list[str]:
    """What is hard to read on the screen as it is, theme by theme."""
    found = []
    for theme in sorted(theme_names()):
        deck.app.theme = theme
        await deck.settle()
        found += illegible(deck, 7 if theme in (CONTRAST.name, CONTRAST_LIGHT.name) else 4.5)
    return found


def test_the_check_can_fail() -> None:
    grey, white = Color.parse("#bbbbbb"), Color.parse("#ffffff")
    assert ratio(grey, white) < 2
    assert ratio(Color.parse("#000000"), white) == pytest.approx(21)


def test_fields_and_the_footer_stand_out_from_the_ground_in_a_high_contrast_too() -> None:
    for theme in (CONTRAST, CONTRAST_LIGHT):
        assert theme.panel is not None
        assert theme.background is not None
        assert ratio(Color.parse(theme.panel), Color.parse(theme.background)) > 1.3


def test_the_field_with_the_focus_stands_out_in_all_themes() -> None:
    for theme in (*OWN, *BUILTIN_THEMES.values()):
        given = {**theme.to_color_system().generate(), **theme.variables}
        if "ansi" in theme.name:
            # There it is told by being reversed.
            continue
        field = given.get(FIELD) or focused_field(given, dark=theme.dark)
        for ground in ("background", "surface", "panel"):
            assert ratio(Color.parse(field), Color.parse(given[ground])) > 1.2, theme.name


@pytest.mark.parametrize("field", ["target", "mode"])
async def test_the_field_with_the_focus_stands_out_without_colour(
    vm: Vm, open_deck: DeckOpener, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_deck(vm, (120, 40)) as deck:
        form = await open_form(deck, "good")
        await form.is_ready()
        await form.go_to(field)
        # Of a long target the end is in view.
        words = form.text(field)[-12:] if field == "target" else form.text(field)[:12]
        await until(lambda: is_reversed(deck, words))
        await form.go_to("sync")
        await until(lambda: not is_reversed(deck, words))


async def test_an_empty_field_and_a_choice_in_a_dialog_show_the_focus_without_colour(
    vm: Vm, open_deck: DeckOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_deck(vm, (120, 40)) as deck:
        await deck.press("B", "a")
        await deck.sees("A new dirty bitmap")
        await until(lambda: is_reversed(deck, " " * 40))
        await deck.press("tab", "tab")
        await until(lambda: is_reversed(deck, "in memory: gone when QEMU ends"))
        await deck.press("enter", "down")
        await until(lambda: is_dark_on_light(deck, "in the image: persistent"))


async def test_what_is_highlighted_of_a_choice_is_seen_without_colour(
    vm: Vm, open_deck: DeckOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_deck(vm, (120, 40)) as deck:
        await deck.sees("good")
        await deck.press("ctrl+p")
        await until(lambda: isinstance(deck.app.screen, CommandPalette))
        await deck.press(*"filter")
        await until(lambda: is_dark_on_light(deck, "Show only disks"))
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, DevicesScreen))
        await deck.press("5", "s")
        await until(lambda: is_dark_on_light(deck, "good "))
        assert not is_dark_on_light(deck, "slow ")


def is_reversed(deck: Deck, words: str) -> bool:
    """Whether these words stand in reverse on the screen."""
    segments = [one for strip in deck.app.screen._compositor.render_strips() for one in strip]
    return any(words in text and s is not None and bool(s.reverse) for text, s, _ in segments)


def is_dark_on_light(deck: Deck, words: str) -> bool:
    """Whether these words stand out among others, which are light on dark."""
    segments = [one for strip in deck.app.screen._compositor.render_strips() for one in strip]
    looks = [s for text, s, _ in segments if words in text and s is not None]
    return any(_light(s.bgcolor) > 200 > 100 > _light(s.color) for s in looks)


def _light(colour: Color | None) -> int:
    return min(colour.triplet) if colour is not None and colour.triplet is not None else 0


def test_a_cursor_of_the_operators_own_colour_stays_and_its_text_gives_way() -> None:
    textual = {**BUILTIN_THEMES["solarized-dark"].to_color_system().generate(), "muted": "#8a8a8a"}
    textual[FIELD] = focused_field(textual, dark=True)
    moved = legible(textual)
    assert moved["block-cursor-background"] != textual["block-cursor-background"]
    kept = legible(textual, kept={"block-cursor-background"})
    assert kept["block-cursor-background"] == textual["block-cursor-background"]
    for themed in (moved, kept):
        ink, ground = (themed[f"block-cursor-{part}"] for part in ("foreground", "background"))
        assert ratio(Color.parse(ink), Color.parse(ground)) >= 4.5


def test_there_are_light_and_dark_ones_of_both_kinds() -> None:
    kinds = {("contrast" in theme.name, theme.dark) for theme in OWN}
    assert kinds == {(False, False), (False, True), (True, False), (True, True)}


async def test_the_theme_that_was_chosen_is_begun_with(vm: Vm, open_deck: DeckOpener) -> None:
    async with open_deck(vm) as deck:
        assert deck.app.theme == "blockdeck-dark"
        await deck.press("ctrl+p")
        await deck.press(*"theme")
        await deck.sees("Other colours")
        await deck.press("enter")
        await deck.press(*"contrast-light")
        await deck.sees("blockdeck-contrast-light")
        await deck.press("enter")
        await until(lambda: deck.app.theme == "blockdeck-contrast-light")
        remembered = open_deck.state / "memory.json"
        await until(lambda: "contrast-light" in remembered.read_text())
    async with open_deck(vm) as deck:
        await until(lambda: deck.app.theme == "blockdeck-contrast-light")
        assert deck.app.screen.styles.background.hex == "#FFFFFF"
    async with open_deck(vm, settings=Settings(theme="nord")) as deck:
        assert deck.app.theme == "nord", "what is set comes first"
        assert "contrast-light" in remembered.read_text(), "and is not taken for a choice"


async def test_a_remembered_theme_that_is_no_more_does_no_harm(
    vm: Vm, open_deck: DeckOpener
) -> None:
    open_deck.state.mkdir()
    (open_deck.state / "memory.json").write_text('{"theme": "gone"}')
    async with open_deck(vm) as deck:
        await deck.sees("good")
        assert deck.app.theme == "blockdeck-dark"
