"""Other keys: what is wrong with them is found before one is pressed."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from textual.binding import Binding
from textual.screen import Screen

import tui.screens
from tui.app import BlockDeckApp
from tui.key_places import FORM, places
from tui.keymap import FIXED, acts_of, key_mistakes, shielded

ALL = places()


def told(keymap: dict[str, str]) -> dict[str, str]:
    return dict(key_mistakes(keymap, ALL, FORM))


def test_the_keys_as_they_are_clash_nowhere() -> None:
    assert told({name: act.key for name, act in acts_of(ALL).items()}) == {}


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("jobs.pause", "c", "c is a key of jobs.cancel already"),
        ("jobs.pause", "P,2", "2 is a key of app.show_jobs already"),
        ("app.refresh", "s", "s is a key of disks.sort already"),
        ("app.leave", "question_mark", "question_mark is a key of app.help already"),
        ("app.leave", "?", "question_mark is a key of app.help already"),
        ("history.copy", "g", "g is a key of “First” already"),
        ("leftovers.clean_all", "G", "G is a key of “Last” already"),
        ("disks.sort", "escape", "escape is a key of “Clear filter” already"),
        ("jobs.pause", "R", "R is a key of vm.rescue already"),
        ("vms.close", "slash", "slash is a key of vms.filter already"),
        ("app.leave", "x", "x is a key of jobs.clear already"),
        ("app.together", "s", "s is a key of disks.sort already"),
        ("connect.look", "f6", "f6 is a key of connect.copy_remedy already"),
        ("app.bitmaps", "space", "space is a key of connect.mark already"),
        ("form.start", "x", "x is text in a form"),
        ("form.start", "f3", "f3 is a key of form.advanced already"),
        ("jobs.pause", "ctrl+q", "ctrl+q cannot have another meaning"),
        ("jobs.pause", "tab", "tab cannot have another meaning"),
        ("jobs.pause", "", "must be a key"),
        ("jobs.pause", ",", "must be a key"),
        ("jobs.pause", "foo", "'foo' is no key"),
        ("jobs.pause", "hyper+a", "'hyper+a' is no key"),
        ("jobs.nope", "a", "there is no such act; known here: pause, speed"),
        (
            "nope.nope",
            "a",
            "there is no such act; known here: app, bitmaps, chains, connect, disks",
        ),
        ("form.none", "a", "there is no such act; known here: start"),
    ],
)
def test_what_is_wrong_is_said(name: str, keys: str, said: str) -> None:
    (sentence,) = told({name: keys}).values()
    assert sentence.startswith(said)


def test_every_screen_with_acts_is_looked_at() -> None:
    for module in pkgutil.iter_modules(tui.screens.__path__, "tui.screens."):
        importlib.import_module(module.name)
    known = acts_of(ALL)
    found = set()
    for screen in subclasses(Screen):
        if not screen.__module__.startswith("tui."):
            continue
        for binding in screen.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.tooltip and binding.key not in FIXED:
                assert binding.id in known, f"{screen.__name__}: {binding.description}"
                found.add(screen.__name__)
    assert {"ConnectScreen", "FleetScreen", "JobCareActs", "TextPage"} <= found


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def test_a_key_that_means_one_thing_on_one_screen_may_mean_another_on_the_next() -> None:
    assert told({"vms.close": "z", "connect.look": "f9", "jobs.clear": "z"}) == {}


def test_keys_can_be_swapped() -> None:
    assert told({"jobs.pause": "c", "jobs.cancel": "p"}) == {}
    assert told({"jobs.pause": "z", "jobs.cancel": "z"}).keys() == {"jobs.cancel"}


def test_a_letter_of_the_app_never_acts_in_a_form() -> None:
    assert shielded({}, BlockDeckApp.BINDINGS) == {}
    shield = shielded({"app.leave": "Q,ctrl+x"}, BlockDeckApp.BINDINGS)["form.none"].split(",")
    assert {"Q", "r", "o", "1", "2", "3", "4", "5", "W"} <= set(shield)
    assert not {"q", "ctrl+x", "f1"} & set(shield)
