"""Each mistake in the file is told with its line, its key, and what would be right."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.config import Mistake, Mistakes, load


def mistakes(path: Path, content: str | bytes) -> list[str]:
    """What is said of a file, without its path."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(Mistakes) as caught:
        load(path)
    told = [str(mistake) for mistake in caught.value.mistakes]
    assert all(words.startswith(f"{path}:") for words in told)
    return [words.removeprefix(f"{path}:") for words in told]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("\nread_only = 7", "2: read_only: must be true or false, not 7"),
        ("read_only_vms = 'db'", "1: read_only_vms: must be a list, as in [ … ], not 'db'"),
        ("read_only_vms = [\n1]", "1: read_only_vms[0]: must be a text in quotes, not 1"),
        ("theme = 5", "1: theme: must be a text in quotes, not 5"),
        ("them = 'x'", "1: them: there is no such key; did you mean theme?"),
        ("zzz = 1", "1: zzz: there is no such key; known here: read_only, read_only_vms, theme"),
        ("backup = 5", "1: backup: must be a table of keys and values, not 5"),
        ("[[backup]]\n", "1: backup: must be a table of keys and values"),
        ("[backup]\nspeed = 'fast'", "2: backup.speed: 'fast' is no size."),
        ("[backup]\nspeed = true", "2: backup.speed: must be a speed, as in"),
        ("[backup]\nspeed = -1", "2: backup.speed: "),
        ("[backup]\nspeed = 1.5", "2: backup.speed: must be a speed, as in"),
        ("[backup]\npresets = []", "2: backup.presets: must not be empty"),
        ("[backup]\npresets = ['1M', 'x']", "2: backup.presets[1]: 'x' is no size."),
        ("[backup]\ndirectory = 'x'", "2: backup.directory: must be a directory on QEMU's host"),
        ("[backup]\ndirectoy = '/x'", "2: backup.directoy: there is no such key; did you mean"),
        ("[refresh]\n\nidle = 0.01", "3: refresh.idle: must be 0.2 or more, not 0.01"),
        ("[refresh]\nbusy = 61", "2: refresh.busy: must be 60.0 or less, not 61"),
        ("[refresh]\nbusy = 'often'", "2: refresh.busy: must be a number, not 'often'"),
        ("[refresh]\nbusy = nan", "2: refresh.busy: "),
        ("[refresh]\nbusy = 2024-01-01", "2: refresh.busy: "),
        ("[colours]\nerror = 1", "2: colours.error: must be a text in quotes, not 1"),
        ("[keys]\njobs = 'x'", "2: keys.jobs: must be a table of keys and values, not 'x'"),
        ("[keys.jobs]\npause = 1", "2: keys.jobs.pause: must be a text in quotes, not 1"),
        ("[vms.db]\nread_only = true", "1: vms.db.monitor: is missing"),
        ("vms.db = { monitor = 'a:b' }", "1: vms.db.monitor: The port must be a number"),
        ("[vms.db]\nmonitor = 'db.sock'", "2: vms.db.monitor: the path of the socket must begin"),
        ("[vms.db]\nmonitor = ''", "2: vms.db.monitor: Enter the path of a QMP socket"),
        (
            "[vms.db]\nmonitor = 'ssh://me:secret@host/x'",
            "2: vms.db.monitor: a password has no place in this file",
        ),
        ("[vms.'a/b']\nmonitor = '/x'", "1: vms.a/b: a name begins with a letter or digit"),
        ("a = 1\na = 2", "2: is no TOML: "),
        ("[a\n", "1: is no TOML: "),
        ("a = '''\nx\n", "2: is no TOML: "),
        ("x = 1" + "1" * 5000, ""),
        (b"# \xc3\xa4\nx = '\xe4'\n", "2: byte 0xe4 is not UTF-8"),
        ("a = " + "[" * 100_000, " is nested too deeply"),
        ("#" * (1 << 20) + "\n", " is larger than 1 MiB"),
    ],
)
def test_a_mistake_has_line_key_and_plain_words(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    (told,) = mistakes(tmp_path / "config.toml", content)
    assert told.startswith(said), told


def test_all_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    content = "them = 1\n[vms.a]\nmonitor = 1\n[backup]\nspeed = 'x'\n[refresh]\nidle = 'y'\n"
    told = mistakes(tmp_path / "config.toml", content)
    assert [words.partition(":")[0] for words in told] == ["1", "3", "5", "7"]


@pytest.mark.parametrize("kind", ["directory", "fifo", "loop", "device", "no directory"])
def test_what_is_no_readable_file_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.toml"
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "no directory":
            (tmp_path / "file").touch()
            path = tmp_path / "file" / "config.toml"
    with pytest.raises(Mistakes) as caught:
        load(path)
    (told,) = caught.value.mistakes
    assert told.place == str(path)
    assert told.sentence.startswith(("must be a file", "cannot be read: "))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), st.text("a=[]{}\"'\n#.1 ", max_size=60)))
def test_whatever_is_in_it_is_read_or_told(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    told: tuple[Mistake, ...] = ()
    try:
        load(path)
    except Mistakes as error:
        told = error.mistakes or (Mistake("nowhere", "", "nothing is told"),)
    assert all(str(path) in mistake.place for mistake in told)
