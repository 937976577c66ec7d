"""`blockdeck config`, and what the settings change for the screenless commands."""

import re
from pathlib import Path

import pytest

from tests.cli.running import blockdeck
from tests.qemu import Vm


@pytest.fixture
def file(own_home: Path) -> Path:
    """Where the settings are read from; its directory is there."""
    path = own_home / "config" / "blockdeck" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


async def test_where_the_file_is(own_home: Path) -> None:
    done = await blockdeck("config", "--path")
    assert (done.status, done.out) == (0, f"{own_home}/config/blockdeck/config.toml\n")


async def test_a_file_to_begin_with_is_never_written_over_another(own_home: Path) -> None:
    path = own_home / "config" / "blockdeck" / "config.toml"
    assert (await blockdeck("config", "--init")).status == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert "# monitor = " in path.read_text()
    assert (await blockdeck("config", "--show")).status == 0
    path.write_text("theme = 'nord'\n")
    done = await blockdeck("config", "--init")
    assert (done.status, done.out) == (1, "")
    assert "it is left as it is" in done.err
    assert path.read_text() == "theme = 'nord'\n"
    path.unlink()
    path.symlink_to("/nowhere/at/all")
    assert (await blockdeck("config", "--init")).status == 1


async def test_what_is_in_force_and_where_it_comes_from(file: Path) -> None:
    file.write_text(
        "theme = 'nord'\n[backup]\nspeed = '50M'\ndirectory = '/a'\n[vms.w]\nmonitor='h:1'"
    )
    env = {"BLOCKDECK_BACKUP__SPEED": "1M"}
    done = await blockdeck("config", "--directory", "/b", env=env)
    assert done.status == 0
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in done.out.splitlines()}
    assert rows["theme"] == ['"nord"', "line 1"]
    assert rows["backup.speed"][0] == "1048576"
    assert rows["backup.speed"][1].split() == ["(1.0", "MiB/s)", "BLOCKDECK_BACKUP__SPEED"]
    assert rows["backup.directory"] == ['"/b"', "command line"]
    assert rows["refresh.idle"] == ["6.0", "default"]
    assert rows["vms.w.monitor"] == ['"h:1"', "line 6"]
    assert str(file) in done.err
    told = (await blockdeck("config", "--show", "--json", "--read-only", env=env)).json
    assert (told["file"], told["exists"]) == (str(file), True)
    values = {each["key"]: each for each in told["values"]}
    assert values["read_only"]["source"] == "command line"
    assert values["backup.speed"]["variable"] == "BLOCKDECK_BACKUP__SPEED"
    assert (values["theme"]["file"], values["theme"]["line"]) == (str(file), 1)
    assert (values["refresh.idle"]["source"], values["refresh.idle"]["file"]) == ("default", None)


async def test_without_a_file_there_are_defaults() -> None:
    told = (await blockdeck("config", "--json")).json
    assert not told["exists"]
    assert {each["source"] for each in told["values"]} == {"default"}


async def test_mistakes_are_told_with_line_and_key_and_nothing_is_done(file: Path, vm: Vm) -> None:
    file.write_text('them = 1\n[backup]\nspeed = "x\\u001b[31m\u202e"\n')
    for words in (["devices", vm.monitor], ["backup", vm.monitor, "device=drive0"], ["config"]):
        done = await blockdeck(*words)
        assert (done.status, done.out) == (2, "")
        first, second, count, _ = done.err.splitlines()
        assert first == f"{file}:1: them: there is no such key; did you mean theme?"
        assert second.startswith(f"{file}:3: backup.speed: ")
        assert count == "blockdeck: there are 2 mistakes in the settings"
        assert "\x1b" not in done.err
        assert "\u202e" not in done.err
    for words in (["--help"], ["--version"], ["config", "--path"]):
        assert (await blockdeck(*words)).status == 0


async def test_mistakes_about_the_ui_are_told_too(file: Path) -> None:
    file.write_text(
        "theme = 'nrd'\n[colours]\nacent = 'red'\nerror = 'zz'\n[keys.jobs]\npause = 'c'\n"
    )
    done = await blockdeck("config")
    assert done.status == 2
    assert done.err.splitlines()[:4] == [
        f"{file}:1: theme: there is no theme 'nrd'; did you mean nord?",
        f"{file}:3: colours.acent: there is no such colour in a theme; did you mean accent?",
        f"{file}:4: colours.error: 'zz' is no colour; colours are written as in #ff8700 or red",
        f"{file}:6: keys.jobs.pause: c is a key of jobs.cancel already",
    ]


async def test_a_directory_in_the_files_place_is_named(file: Path) -> None:
    file.mkdir()
    done = await blockdeck("config")
    assert done.status == 2
    assert done.err.startswith(f"{file}: must be a file, and is a directory\n")


async def test_a_name_stands_for_its_monitor(file: Path, vm: Vm) -> None:
    file.write_text(f"[vms.shop]\nmonitor = '{vm.monitor}'\n")
    by_name = await blockdeck("devices", "shop", "--json")
    assert by_name.json == (await blockdeck("devices", vm.monitor, "--json")).json
    assert (await blockdeck("jobs", "shop")).status == 0
    assert (await blockdeck("check", "shop", "--batch", given="{}\n")).json["verdict"] == "reject"
    assert (await blockdeck("devices", "./shop")).status == 3


@pytest.mark.parametrize("named", [False, True])
async def test_a_backup_begins_with_directory_and_speed(
    file: Path, vm: Vm, tmp_path: Path, named: bool
) -> None:
    of_vm = f"[vms.shop]\nmonitor = '{vm.monitor}'\n" + f"directory = '{tmp_path}'\nspeed = '90M'\n"
    of_all = f"[backup]\ndirectory = '{'/nowhere' if named else tmp_path}'\nspeed = '80M'\n"
    file.write_text(of_all + of_vm * named)
    done = await blockdeck("backup", vm.monitor, "device=drive0", "--json")
    assert done.status == 0, done.err
    speed = (90 if named else 80) << 20
    assert f'"speed": {speed}' in done.out
    (target,) = tmp_path.glob("drive0*.qcow2")
    assert target.stat().st_size > 0
    words = ["device=drive0", "speed=0", f"target={tmp_path}/mine.qcow2"]
    given = await blockdeck("backup", vm.monitor, *words, "--json")
    assert given.status == 0, given.err
    assert f'"speed": {speed}' not in given.out


@pytest.mark.parametrize("way", ["name", "monitor", "entry", "environment"])
async def test_a_read_only_vm_is_never_told_anything(
    file: Path, vm: Vm, tmp_path: Path, own_home: Path, way: str
) -> None:
    env = {"BLOCKDECK_READ_ONLY": "1"} if way == "environment" else {}
    contents = {
        "name": "read_only_vms = ['testvm']",
        "monitor": f"read_only_vms = ['unix:{vm.monitor}']",
        "entry": f"[vms.a]\nmonitor = '{vm.monitor}'\nread_only = true",
        "environment": "read_only = false",
    }
    file.write_text(contents[way])
    target = tmp_path / "out.qcow2"
    words = ["backup", vm.monitor, "device=drive0", f"target={target}"]
    done = await blockdeck(*words, env=env)
    assert (done.status, done.out) == (1, "")
    first, second = done.err.splitlines()[-2:]
    assert re.fullmatch(r"blockdeck: BlockDeck is read-only: \S+-backup was not sent", first)
    assert second == "The settings say so; where: blockdeck config --show"
    assert not target.exists()
    assert await vm.qmp("query-jobs") == []
    assert not (own_home / "state/blockdeck/audit.jsonl").exists()
