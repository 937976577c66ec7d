"""QEMU's option syntax is read as QEMU reads it."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.demo.qemu_binary import find_qemu
from tui.discovery.command_line import read_command_line
from tui.discovery.options import is_flag, is_on, options_of, read_object, read_settings, written

NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,12}", fullmatch=True)
WORDS = st.text(st.characters(exclude_characters="\0"), max_size=20)


@given(st.dictionaries(NAMES, WORDS, max_size=6))
def test_what_is_written_is_read(settings: dict[str, str]) -> None:
    text = ",".join(f"{name}={written(value)}" for name, value in settings.items())
    assert read_settings(text) == settings


@given(st.text(st.characters(exclude_characters="\0="), min_size=1, max_size=30), NAMES, WORDS)
def test_a_first_value_needs_no_name(first: str, name: str, value: str) -> None:
    read = read_settings(f"{written(first)},x-{name}={written(value)}", "path")
    assert read == {"path": first, f"x-{name}": value}


@given(st.lists(WORDS, max_size=12))
def test_no_command_line_is_too_strange(words: list[str]) -> None:
    read_command_line(words)
    read_command_line(["qemu-system-x86_64", "-qmp", *words, "-mon", *words])


@given(WORDS)
def test_no_option_is_too_strange(text: str) -> None:
    for option in ("-qmp", "-mon", "-chardev", "-blockdev", "-object", "-name", "-drive"):
        line = ("qemu-system-x86_64", "-chardev", "socket,id=c,path=/c", option, text)
        assert len(read_command_line(line).monitors) <= 1
    read_object("{" + text)


@given(st.lists(st.tuples(st.sampled_from(["name", "append", "m", "S", "snapshot"]), WORDS)))
def test_an_option_s_value_is_never_taken_for_an_option(pairs: list[tuple[str, str]]) -> None:
    words = ["qemu-system-x86_64"]
    wanted = []
    for number, (name, value) in enumerate(pairs):
        words.append(f"--{name}" if number % 2 else f"-{name}")
        if is_flag(name):
            wanted.append((name, ""))
        else:
            words.append(value)
            wanted.append((name, value))
    assert [tuple(option) for option in options_of(words)] == wanted


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("/run/a,,b,server,nowait", {"path": "/run/a,b", "server": "on", "wait": "off"}),
        ("/run/a,,,server=on", {"path": "/run/a,", "server": "on"}),
        ("path=/x,path=/y", {"path": "/y"}),
        ("/x", {"path": "/x"}),
        ("", {}),
        (",server", {"path": "", "server": "on"}),
    ],
)
def test_short_and_long_forms(text: str, read: dict[str, str]) -> None:
    assert read_settings(text, "path") == read


def test_switches() -> None:
    assert is_on({"server": "on"}, "server")
    assert is_on({"server": True}, "server")
    assert not is_on({"server": "off"}, "server", default=True)
    assert is_on({}, "wait", default=True)


def test_a_value_that_looks_like_an_option() -> None:
    line = read_command_line(["qemu-system-x86_64", "-name", "-qmp", "unix:/x,server=on", "-S"])
    assert line.name == "-qmp"
    assert line.monitors == ()
    assert line.disks == ("unix:/x,server=on",)


def test_a_loader_before_qemu() -> None:
    loader = ("/lib/ld-linux.so.2", "--library-path", "/usr/lib")
    line = read_command_line((*loader, "/usr/bin/qemu-system-x86_64", "-name", "x", "a.img"))
    assert (line.name, line.disks) == ("x", ("a.img",))
    # The loader may be called like the program it loads.
    line = read_command_line(("qemu", *loader[1:], "/usr/bin/qemu-system-x86_64", "-name", "x"))
    assert (line.name, line.disks) == ("x", ())


# The help tells `-dtb    file` and `-async-teardown enable …` otherwise than all the others.
VALUED_BUT_SPACED = {"dtb", "bios", "M"}
FLAGS_BUT_NOT_SPACED = {"async-teardown"}


def test_the_options_without_a_value_are_those_of_this_qemu() -> None:
    daemon = shutil.which("qemu-storage-daemon")
    assert daemon, "qemu-storage-daemon is not installed: scripts/setup.sh test"
    for program in (str(find_qemu().system), daemon):
        said = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
        lines = re.findall(r"^ {0,2}--?([\w-]+)((?: or | *, ).*|.*)$", said.stdout, re.MULTILINE)
        assert len(lines) > 10
        for name, rest in lines:
            spaced = rest == "" or rest.startswith(("  ", "\t"))
            if spaced and name not in VALUED_BUT_SPACED:
                assert is_flag(name), f"{program} -{name} has no value"
            valued = re.match(r" [\[<]?\w", rest) and not rest.startswith(" or ")
            if valued and name not in FLAGS_BUT_NOT_SPACED:
                assert not is_flag(name), f"{program} -{name}{rest}"
