"""Every command of every page is typed, in the order of the page, and does what the page says."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.docs.pages import CHECKOUT, PAGES, blocks, commands, name_of
from tests.docs.stage import Stage, stage
from tests.web.viewer import looking

SCREENS = {
    "make demo     # sets everything up and opens BlockDeck on a throwaway VM": None,
    "blockdeck demo": "archive",
    "blockdeck demo --record session.cast": "archive",
    "blockdeck demo --tour": "Find a VM",
    "blockdeck                          # lists the VMs of this host; Enter connects": "my-vm",
    "blockdeck /run/my-vm.qmp2          # or HOST:PORT, or a name from the settings": "drive0",
    "blockdeck /run/web.qmp2 /run/db.qmp2      # several side by side": "[web] db",
    "blockdeck /run/my-vm.qmp2": "connected",
    "blockdeck /run/my-vm.qmp2 --read-only": "READ-ONLY",
    "blockdeck ssh://root@host/run/my-vm.qmp2": "drive0",
    "blockdeck ssh://root@vm-host/run/my-vm.qmp2": "drive0",
    "ssh -t root@vm-host blockdeck /run/my-vm.qmp2": "drive0",
    "blockdeck tls://host:4444": "connected",
    "blockdeck 'qemu:///system?domain=my-vm'": "no block devices",
}
"""What opens the screen, and what is to be seen there; None is typed as everything else."""

SERVED = {
    "blockdeck serve /run/my-vm.qmp2": ("my-vm", "drive0", "READ-ONLY"),
    "blockdeck serve --demo": ("scratch", "READ-ONLY"),
}
"""What serves the screen until it is ended, and what a browser shows of it."""

WITHOUT_A_VM = ("docs/howto/proxmox.md",)
"""Where the page starts it."""


@pytest.fixture
async def place() -> AsyncIterator[Stage]:
    """A stage."""
    async with stage() as made:
        yield made


def with_commands() -> list[Path]:
    """The pages that tell to type something."""
    return [page for page in PAGES if any(commands(page))]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", with_commands(), ids=name_of)
async def test_the_commands_of_a_page(page: Path, place: Stage, own_home: Path) -> None:
    if name_of(page) not in WITHOUT_A_VM:
        await place.start_vm()
    shown = [(line, text) for language, line, text in blocks(page) if language == "toml"]
    for command in commands(page):
        while shown and shown[0][0] < command.line:
            await set_up(place, shown.pop(0)[1], own_home)
        sees = SCREENS.get(command.text)
        if sees is not None:
            await place.show(command, sees)
        elif command.text in SERVED:
            await place.serve(command, partial(looked_at, SERVED[command.text]))
        else:
            await place.run(command)


async def looked_at(texts: tuple[str, ...], url: str) -> None:
    """See them in a browser."""
    async with looking(url) as viewer:
        await viewer.sees(*texts)


async def set_up(place: Stage, text: str, home: Path) -> None:
    """Put what a page has for the file of settings where it is read."""
    file = home / "config" / "blockdeck" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(await place.here(text))


def test_every_screen_that_is_looked_for_is_on_a_page() -> None:
    typed = {command.text for page in PAGES for command in commands(page)}
    assert {*SCREENS, *SERVED} <= typed


def test_every_page_is_led_to_from_the_front_ones() -> None:
    """From the README those that are read for themselves, from the index all."""
    docs = CHECKOUT / "docs"
    pages = {page.relative_to(docs).as_posix() for page in PAGES if page.is_relative_to(docs)}
    index, readme = (docs / "index.md").read_text(), (CHECKOUT / "README.md").read_text()
    assert [page for page in pages - {"index.md"} if f"]({page})" not in index] == []
    told = {page for page in pages if page.split("/")[0] in ("howto", "explanation")}
    assert [page for page in told | {"tutorial.md"} if f"](docs/{page})" not in readme] == []


def test_commands_stand_in_console_blocks_alone() -> None:
    for page in PAGES:
        for language, line, text in blocks(page):
            where = f"{name_of(page)}:{line}"
            assert language in ("", "console", "toml", "xml"), where
            assert language == "console" or not text.startswith("$ "), where


def test_what_stands_in_for_others_is_needed() -> None:
    from tests.docs.standins import SCRIPTS

    words = {word for p in PAGES for c in commands(p) for word in c.text.split()}
    assert set(SCRIPTS) <= words


async def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    config = load_config(str(CHECKOUT / "mkdocs.yml"), site_dir=str(tmp_path / "site"), strict=True)
    build(config)
    made = {path.name for path in (tmp_path / "site").rglob("*.html")}
    assert {f"{page.stem}.html" for page in PAGES if page.parent.name != CHECKOUT.name} <= made
    text = (tmp_path / "site/reference/command-line.html").read_text()
    assert "--cancel-before-full" in text
    assert "Sentinel" not in text
