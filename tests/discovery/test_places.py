"""Sockets are looked for where monitors usually are, and only there."""

import os
import socket
from pathlib import Path

import pytest

from tui.discovery.places import Place, find_sockets, is_like_a_monitor, usual_places


def make(path: Path) -> Path:
    """A socket that nobody serves any more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    return path


def found(*places: Path, depth: int = 1) -> set[Path]:
    return set(find_sockets(tuple(Place(directory=place, depth=depth) for place in places)))


def test_sockets_are_found_by_their_names(tmp_path: Path) -> None:
    wanted = {
        make(tmp_path / name)
        for name in ("100.qmp", "qmp-sock", "monitor.sock", "vm.QMP2", "qemu-mon.sock", "vm.mon")
    }
    for name in ("docker.sock", "demon.sock", "moniker", "serial0"):
        make(tmp_path / name)
    (tmp_path / "notes.qmp").write_text("no socket")
    (tmp_path / "dangling.qmp").symlink_to(tmp_path / "nowhere")
    assert found(tmp_path) == wanted


def test_directories_are_entered_so_far(tmp_path: Path) -> None:
    near, far = make(tmp_path / "a/qmp"), make(tmp_path / "a/b/qmp")
    assert found(tmp_path, depth=0) == set()
    assert found(tmp_path, depth=1) == {near}
    assert found(tmp_path, depth=2) == {near, far}


def test_what_cannot_be_entered_is_passed_over(tmp_path: Path) -> None:
    here = make(tmp_path / "qmp")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert found(tmp_path / "none", tmp_path) == {here}


def test_a_directory_with_two_names_is_looked_through_once(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    make(directory / "qmp")
    (tmp_path / "var").symlink_to(directory)
    places = tuple(Place(directory=tmp_path / name) for name in ("run", "var"))
    assert list(find_sockets(places)) == [directory / "qmp"]


def test_the_usual_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    directories = {str(place.directory) for place in usual_places()}
    assert directories >= {"/run", "/tmp", "/run/qemu-server", "/var/lib/libvirt/qemu"}
    assert str(tmp_path) in directories
    for unfit in ("", "relative"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", unfit)
        assert all(place.directory.is_absolute() for place in usual_places())


def test_names_are_judged_without_their_directories() -> None:
    assert is_like_a_monitor(Path("/run/vm/qmp.sock"))
    assert not is_like_a_monitor(Path("/run/qmp/agent.sock"))
    assert not is_like_a_monitor(Path(os.sep))
