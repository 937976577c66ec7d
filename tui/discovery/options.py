"""QEMU's own option syntax: which word is an option, and what is inside its value.

Written after QEMU's parser, not after its manual: an operator's `server,nowait`, libvirt's JSON and
a name with commas in it all have to be read as QEMU has read them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_VALUE = re.compile(r"(?:[^,]|,,)*", re.DOTALL)

_LOADER = re.compile(r"(.*/)?ld[-.][^/]*so[^/]*", re.DOTALL)
_OF_THE_LOADER = frozenset({"--argv0", "--audit", "--inhibit-rpath", "--library-path", "--preload"})

# The options without a value, of every QEMU from 5.2 on and of its storage daemon. All the others
# take the next word, whatever that begins with.
_FLAGS = frozenset(
    {
        "S",
        "alt-grab",
        "async-teardown",
        "audio-help",
        "ctrl-grab",
        "curses",
        "daemonize",
        "enable-fips",
        "enable-hax",
        "enable-kvm",
        "enable-sync-profile",
        "full-screen",
        "h",
        "help",
        "jitdump",
        "mem-prealloc",
        "no-acpi",
        "no-fd-bootchk",
        "no-frame",
        "no-hpet",
        "no-kvm",
        "no-quit",
        "no-reboot",
        "no-shutdown",
        "no-user-config",
        "nodefaults",
        "nodefconfig",
        "nographic",
        "old-param",
        "only-migratable",
        "perfmap",
        "portrait",
        "preconfig",
        "s",
        "sdl",
        "semihosting",
        "show-cursor",
        "singlestep",
        "snapshot",
        "usb",
        "version",
        "win2k-hack",
        "xen-attach",
        "xen-create",
        "xen-domid-restrict",
        "V",
    }
)


class Option(NamedTuple):
    """One option of a command line.

    Attributes:
        name: without its dashes; "" for a word that is no option, which is a disk image.
        value: the word after it; "" for a flag.
    """

    name: str
    value: str


def options_of(cmdline: Sequence[str]) -> Iterator[Option]:
    """The options of a QEMU's command line, which begins with the program.

    The dynamic loader may stand before it, as in `ld.so --library-path … qemu-system-x86_64 …`.
    """
    words = iter(cmdline[_beginning(cmdline) :])
    for word in words:
        if not word.startswith("-"):
            yield Option("", word)
            continue
        # QEMU takes one dash or two, and knows no `--option=value`.
        name = word[2:] if word.startswith("--") else word[1:]
        yield Option(name, "" if is_flag(name) else next(words, ""))


def _beginning(cmdline: Sequence[str]) -> int:
    """Where the options begin: after the program, or after the loader's own options and it."""
    place = 1
    while place < len(cmdline) and cmdline[place] in _OF_THE_LOADER:
        place += 2
    loaded = place > 1 or (bool(cmdline) and is_loader(cmdline[0]))
    return place + 1 if loaded else place


def is_loader(word: str) -> bool:
    """Whether a program is the dynamic loader, which is given the program to run."""
    return _LOADER.fullmatch(word) is not None


def is_flag(name: str) -> bool:
    """Whether an option, named without its dashes, takes no value."""
    return name in _FLAGS


def read_settings(text: str, implied: str = "") -> dict[str, str]:
    """What `a=b,c=d` says, as QEMU's `QemuOpts` and `keyval` read it.

    A comma in a value is written `,,`. A word without a value is "on", or "off" if it begins with
    `no`, as in `server,nowait`. Of a setting given twice the last one counts.

    Args:
        text: the value of an option.
        implied: the name of the first setting where it is given without one.
    """
    found: dict[str, str] = {}
    rest = text
    while rest:
        equals, comma = rest.find("="), rest.find(",")
        if equals >= 0 and not 0 <= comma < equals:
            name = rest[:equals]
            value, rest = _read_value(rest[equals + 1 :])
        elif implied:
            name = implied
            value, rest = _read_value(rest)
        else:
            word, _, rest = rest.partition(",")
            name, value = (word[2:], "off") if word.startswith("no") else (word, "on")
        implied = ""
        found[name] = value
    return found


def read_object(text: str, implied: str = "") -> Mapping[str, object]:
    """What an option says that may also be given as JSON, as `-blockdev` may.

    Nested members of JSON stay nested; otherwise they have dots in their names. Nothing is found in
    JSON that is not an object: QEMU would have refused it.
    """
    if not text.startswith("{"):
        return read_settings(text, implied)
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def is_on(settings: Mapping[str, object], name: str, *, default: bool = False) -> bool:
    """Whether a switch is on, in any of the ways QEMU takes it."""
    value = settings.get(name)
    if value is None:
        return default
    return value is True or (isinstance(value, str) and value in {"on", "yes", "true", "y"})


def written(value: str) -> str:
    """A value as it has to be written inside an option."""
    return value.replace(",", ",,")


def _read_value(text: str) -> tuple[str, str]:
    """The value at the beginning, and what comes after its comma."""
    match = _VALUE.match(text)
    raw = match.group() if match else ""
    return raw.replace(",,", ","), text[len(raw) + 1 :]
