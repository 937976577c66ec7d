"""What is remembered: most recent first, for its owner alone, and never in the way."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tui.memory import DIRECTORIES_KEPT, MONITORS_KEPT, RECENT_KEPT, Memory


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "state" / "memory.json"
    memory = Memory()
    memory.used("/run/vm.qmp")
    memory.used("localhost:4444")
    memory.directories["vm"] = "/backup/[/x] é"
    memory.save(file)
    assert Memory.load(file) == memory
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_the_most_recent_monitor_comes_first_and_once() -> None:
    memory = Memory()
    for number in range(2 * MONITORS_KEPT):
        memory.used(f"/run/{number}")
    memory.used("/run/290")
    assert memory.monitors[0] == "/run/290"
    assert memory.monitors.count("/run/290") == 1
    assert len(memory.monitors) == MONITORS_KEPT


def test_sockets_that_are_gone_are_forgotten_before_monitors_that_may_be_there(
    tmp_path: Path,
) -> None:
    there = tmp_path / "there"
    there.touch()
    memory = Memory()
    lasting = [str(there), "ssh://host/run/vm", "host:4444"]
    for monitor in lasting:
        memory.used(monitor)
    for number in range(2 * RECENT_KEPT):
        memory.used(str(tmp_path / f"gone-{number}"))
    memory.save(tmp_path / "memory.json")
    kept = Memory.load(tmp_path / "memory.json").monitors
    newest = range(2 * RECENT_KEPT - 1, RECENT_KEPT - 1, -1)
    assert kept == [
        *(str(tmp_path / f"gone-{number}") for number in newest),
        *reversed(lasting),
    ]


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"[]", b'{"monitors": 3}', b"\xff\xfe\x00", b'{"monitors": [1]}']
)
def test_a_damaged_memory_is_an_empty_one(damaged: bytes, tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    file.write_bytes(damaged)
    assert Memory.load(file) == Memory()


def test_no_memory_is_an_empty_one(tmp_path: Path) -> None:
    assert Memory.load(tmp_path / "memory.json") == Memory()
    assert Memory.load(tmp_path) == Memory()


def test_what_a_newer_version_remembers_is_no_damage(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    file.write_text('{"monitors": ["/run/vm.qmp"], "colours": "many"}')
    assert Memory.load(file).monitors == ["/run/vm.qmp"]


def test_a_memory_that_cannot_be_written_is_only_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where the directory would be")
    Memory().save(tmp_path / "state" / "memory.json")
    assert "cannot be written" in caplog.text


def test_a_path_that_is_no_unicode_is_forgotten_and_the_rest_is_kept(tmp_path: Path) -> None:
    memory = Memory()
    memory.used("/run/vm.qmp")
    memory.used("/run/\udce4.qmp")
    memory.directories |= {"vm": "/backup/\udce4", "other": "/backup"}
    memory.save(tmp_path / "memory.json")
    loaded = Memory.load(tmp_path / "memory.json")
    assert loaded.monitors == ["/run/vm.qmp"]
    assert loaded.directories == {"other": "/backup"}


def test_the_directories_of_only_so_many_vms_are_kept(tmp_path: Path) -> None:
    memory = Memory(directories={str(number): "/backup" for number in range(1000)})
    memory.save(tmp_path / "memory.json")
    kept = Memory.load(tmp_path / "memory.json").directories
    assert len(kept) == DIRECTORIES_KEPT
    assert "999" in kept


def test_several_that_save_at_once_lose_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "memory.json"
    memory = Memory(monitors=["/run/" + 200 * "x"])
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: memory.save(file), range(400)))
    assert caplog.text == ""
    assert Memory.load(file) == memory
    assert list(tmp_path.iterdir()) == [file]
