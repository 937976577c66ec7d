"""Options before the environment before the file before the defaults, and each says so."""

from pathlib import Path

import pytest

from tui.config import Loaded, Mistakes, Settings, load
from tui.config.load import Source
from tui.worker import Pace

FILE = """\
read_only = true
[backup]
directory = "/of-file"
speed = "50M"
[vms.web]
monitor = "/run/web.sock"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(FILE)
    return tmp_path / "config.toml"


def origins(loaded: Loaded) -> dict[str, tuple[Source, object]]:
    return {value.key: (value.origin.source, value.value) for value in loaded.values()}


def test_nothing_is_needed(tmp_path: Path) -> None:
    loaded = load(tmp_path / "none.toml")
    assert loaded.settings.model_dump() == Settings().model_dump()
    assert {source for source, _ in origins(loaded).values()} == {Source.DEFAULT}
    assert loaded.settings.pace() == Pace()
    assert not loaded.file.exists


def test_the_stronger_source_wins_and_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origins(load(path))["backup.directory"] == (Source.FILE, "/of-file")
    monkeypatch.setenv("BLOCKDECK_BACKUP__DIRECTORY", "/of-environment")
    monkeypatch.setenv("blockdeck_refresh__idle", "9")
    found = load(path)
    assert found.settings.backup.directory == "/of-environment"
    assert found.settings.pace().idle == 9
    values = {value.key: value for value in found.values()}
    assert values["backup.directory"].origin.variable == "BLOCKDECK_BACKUP__DIRECTORY"
    assert values["refresh.idle"].origin.variable == "blockdeck_refresh__idle"
    assert (values["backup.speed"].value, values["backup.speed"].origin.line) == (50 << 20, 4)
    assert values["vms.web.read_only"].origin.source is Source.DEFAULT
    last = load(path, {"backup": {"directory": "/of-option"}})
    assert origins(last)["backup.directory"] == (Source.OPTION, "/of-option")
    assert origins(last)["backup.speed"] == (Source.FILE, 50 << 20)


def test_an_empty_variable_says_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOCKDECK_READ_ONLY", "")
    assert load(path).settings.read_only


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BLOCKDECK_READONLY", "1", "there is no such setting; did you mean BLOCKDECK_READ_ONLY?"),
        ("BLOCKDECK_READ_ONLY", "perhaps", "read_only: must be true or false, not 'perhaps'"),
        ("BLOCKDECK_BACKUP__SPED", "1", "backup.sped: there is no such key; did you mean speed?"),
        ("BLOCKDECK_BACKUP__SPEED", "x", "backup.speed: 'x' is no size."),
        ("BLOCKDECK_READ_ONLY_VMS", "db", "read_only_vms: must be JSON in the environment"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Mistakes) as caught:
        load(path)
    (told,) = caught.value.mistakes
    assert str(told).startswith(f"{name}: {said}")


def test_variables_of_others_are_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BLOCKDECK_SEED", "BLOCKDECK_QEMUS", "BLOCKDECK_DEBIAN"):
        monkeypatch.setenv(name, "x")
    assert load(path).settings.read_only


def test_a_vm_is_known_by_name_by_each_spelling_of_its_monitor_and_by_qemus_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    socket = tmp_path / "web.sock"
    (tmp_path / "link").symlink_to(socket)
    settings = Settings(
        backup={"directory": "/all", "speed": "7M"},
        vms={
            "web": {"monitor": str(socket), "read_only": True, "speed": 0},
            "db": {"monitor": "localhost:4444", "directory": "/db"},
        },
        read_only_vms=("0b1e", "db"),
    )
    monitors = {name: vm.monitor for name, vm in settings.vms.items()}
    assert monitors == {"web": str(socket), "db": "localhost:4444"}
    assert settings.called(["/elsewhere", "localhost:4444"]) == "db"
    assert settings.called(["/elsewhere"]) == ""
    assert str(settings.address("web")) == str(socket)
    assert str(settings.address("./web")) == "web"
    for spelled in (str(socket), "web.sock", "link", f"unix:{socket},server=on"):
        assert settings.only_asks(spelled)
        assert (settings.directory(spelled), settings.speed(spelled)) == ("/all", 0)
    assert settings.only_asks("localhost:4444")
    assert not settings.only_asks("/other")
    assert settings.protected == {"web", "db", "0b1e"}
    assert (settings.directory("/other", "db"), settings.speed("/other", "db")) == (
        "/db",
        7 << 20,
    )
