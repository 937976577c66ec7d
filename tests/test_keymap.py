"""Other keys: what is wrong with them is found before one is pressed."""

import pytest

from tui.app import BlockDeckApp
from tui.key_places import FORM, places
from tui.keymap import acts_of, key_mistakes, shielded

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
        ("disks.sort", "escape", "escape is a key of “Clear filter” already"),
        ("jobs.pause", "R", "R is a key of vm.rescue already"),
        ("form.start", "x", "x is text in a form"),
        ("form.start", "f3", "f3 is a key of form.advanced already"),
        ("jobs.pause", "ctrl+q", "ctrl+q cannot have another meaning"),
        ("jobs.pause", "tab", "tab cannot have another meaning"),
        ("jobs.pause", "", "must be a key"),
        ("jobs.pause", ",", "must be a key"),
        ("jobs.pause", "foo", "'foo' is no key"),
        ("jobs.pause", "hyper+a", "'hyper+a' is no key"),
        ("jobs.nope", "a", "there is no such act; known here: pause, speed"),
        ("nope.nope", "a", "there is no such act; known here: app, bitmaps, chains, disks"),
        ("form.none", "a", "there is no such act; known here: start"),
    ],
)
def test_what_is_wrong_is_said(name: str, keys: str, said: str) -> None:
    (sentence,) = told({name: keys}).values()
    assert sentence.startswith(said)


def test_keys_can_be_swapped() -> None:
    assert told({"jobs.pause": "c", "jobs.cancel": "p"}) == {}
    assert told({"jobs.pause": "z", "jobs.cancel": "z"}).keys() == {"jobs.cancel"}


def test_a_letter_of_the_app_never_acts_in_a_form() -> None:
    assert shielded({}, BlockDeckApp.BINDINGS) == {}
    shield = shielded({"app.leave": "Q,ctrl+x"}, BlockDeckApp.BINDINGS)["form.none"].split(",")
    assert {"Q", "r", "o", "1", "2", "3", "4"} <= set(shield)
    assert not {"q", "ctrl+x", "f1"} & set(shield)
