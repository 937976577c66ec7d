"""Other keys for what can be done: which acts have a name for it, and where two keys clash."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from textual.binding import Binding, BindingType, InvalidBinding
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

SHIELD = "form.none"
"""The binding that keeps the app's letters from acting in a form."""

FIXED = frozenset({"ctrl+c", "ctrl+p", "ctrl+q", "down", "left", "right", "shift+tab", "tab", "up"})
"""Keys that always mean the same: there must be a way about, and a way out."""

_MODIFIERS = frozenset({"alt", "ctrl", "shift"})
_SIGNS = frozenset(KEY_NAME_REPLACEMENTS.values())
_NAMES = frozenset(key.value for key in Keys) | _SIGNS

Place = tuple[BindingType, ...]
"""All that can be done at one place: on a screen, on its list, everywhere."""


def remappable(group: str, bindings: Iterable[BindingType]) -> list[BindingType]:
    """The bindings, each act among them with the id `GROUP.ACT` that a keymap knows it by.

    An act is what has a tooltip: the palette offers it. Moving about keeps its keys, and so does
    what is done by a key that always means the same.
    """
    return [_named(group, binding) for binding in bindings]


def _named(group: str, binding: BindingType) -> BindingType:
    if not isinstance(binding, Binding) or not binding.tooltip or binding.id:
        return binding
    if not FIXED.isdisjoint(binding.key.split(",")):
        return binding
    act = binding.action.replace("('", "_").replace("')", "")
    return replace(binding, id=f"{group}.{act}")


def remapped(bindings: Iterable[BindingType], keymap: Mapping[str, str]) -> list[BindingType]:
    """The bindings with the keys of a keymap."""
    return [
        replace(b, key=keymap.get(b.id, b.key)) if isinstance(b, Binding) and b.id else b
        for b in bindings
    ]


def letters(everywhere: Iterable[BindingType]) -> str:
    """The app's keys that are text, and so must not act in a form; help alone leads back to it."""
    bindings = _single(everywhere)
    return ",".join(sorted({b.key for b in bindings if _is_text(b.key) and b.action != "help"}))


def shielded(keymap: Mapping[str, str], everywhere: Iterable[BindingType]) -> dict[str, str]:
    """The keymap, with the letters it gives to the app kept from acting in a form."""
    return {**keymap, SHIELD: letters(remapped(everywhere, keymap))} if keymap else {}


def acts_of(places: Iterable[Place]) -> dict[str, Binding]:
    """Every act that can have other keys, by its id."""
    bindings = (binding for place in places for binding in place)
    return {
        b.id: b for b in bindings if isinstance(b, Binding) and b.id is not None and b.id != SHIELD
    }


def key_mistakes(
    keymap: Mapping[str, str], places: Sequence[Place], typed_in: Place
) -> Iterator[tuple[str, str]]:
    """What is wrong with a keymap: the id and a sentence each.

    Args:
        keymap: keys by the id of a binding.
        places: what can be done together; in one place a key can mean one thing.
        typed_in: the place among them whose letters are text.
    """
    known = acts_of(places)
    sound = {}
    for name, keys in keymap.items():
        sentence = _unfit(keys) if name in known else _unknown(name, known)
        if sentence:
            yield name, sentence
        else:
            sound[name] = keys
    told = set()
    for place in places:
        for name, sentence in _clashes(remapped(place, sound), sound, typed=place is typed_in):
            if name not in told:
                told.add(name)
                yield name, sentence


def _unknown(name: str, known: Mapping[str, Binding]) -> str:
    group = name.partition(".")[0]
    beside = [other.partition(".")[2] for other in known if other.partition(".")[0] == group]
    groups = sorted({other.partition(".")[0] for other in known})
    return f"there is no such act; known here: {', '.join(beside or groups)}"


def _unfit(keys: str) -> str:
    try:
        singles = [binding.key for binding in _single([Binding(keys, "none")])]
    except InvalidBinding:
        singles = []
    if not singles:
        return "must be a key, or several with commas between"
    for key in singles:
        *modifiers, last = key.split("+")
        is_known = last in _NAMES or key_to_character(last) is not None
        if not is_known or not set(modifiers) <= _MODIFIERS:
            return f"{key!r} is no key; keys are written as in b, B, f5, ctrl+s, slash"
        if key in FIXED:
            return f"{key} cannot have another meaning"
    return ""


def _clashes(
    place: Iterable[BindingType], keymap: Mapping[str, str], *, typed: bool
) -> Iterator[tuple[str, str]]:
    owners: dict[str, Binding] = {}
    for binding in _single(place):
        if binding.id == SHIELD:
            continue
        is_ours = binding.id in keymap
        if typed and is_ours and _group(binding) == "form" and _is_text(binding.key):
            yield str(binding.id), f"{binding.key} is text in a form: take a key such as f4"
        other = owners.setdefault(binding.key, binding)
        if other.action == binding.action:
            continue
        blamed, owner = (binding, other) if is_ours else (other, binding)
        if blamed.id in keymap:
            name = owner.id or f"“{owner.description}”"
            yield str(blamed.id), f"{binding.key} is a key of {name} already"


def _is_text(key: str) -> bool:
    """Whether a field takes the key as a character."""
    character = key_to_character(key)
    return key in _SIGNS or (character is not None and character.isprintable())


def _group(binding: Binding) -> str:
    return (binding.id or "").partition(".")[0]


def _single(bindings: Iterable[BindingType]) -> Iterator[Binding]:
    """One binding for each key, by the key's long name."""
    return iter(Binding.make_bindings(bindings))
