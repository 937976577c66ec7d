"""The page about the settings and the file to begin with, from the model itself."""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tui.config.environment import ENV_PREFIX
from tui.config.settings import (
    BackupSettings,
    RefreshSettings,
    Settings,
    VmSettings,
)
from tui.units import rate

_PARTS: dict[str, type[BaseModel]] = {
    "backup": BackupSettings,
    "refresh": RefreshSettings,
    "vms.NAME": VmSettings,
}

_INTRO = f"""\
# Configuration

Nothing needs it. What is set stands in one TOML file; `blockdeck config --path` tells where it is
(`$XDG_CONFIG_HOME/blockdeck/config.toml`), `blockdeck config --init` writes one to begin with, and
`blockdeck config --show` prints what is in force and where each value comes from.

An option of the command line comes before an environment variable, and that before the file. The
variable of a key is `{ENV_PREFIX}` and its name in capitals, with `__` for each dot:
`{ENV_PREFIX}BACKUP__SPEED=50M`. Lists and whole tables are JSON there. An empty variable says
nothing.

The unit of a speed is what QEMU's own tools take it for: `50M` and `50MiB` are the same, `50MB` is
50,000,000 bytes; without one it is bytes a second.

A mistake is told with its line and key, and nothing is started: exit status 2. No secret belongs
here.

This page is generated: `python -m tui.ui_reference > docs/configuration.md`.
"""

_OUTRO = """\

## More about some of them

**Names.** `blockdeck NAME`, and every command that takes a monitor, takes a name under `[vms]`; a
socket of that name is written `./NAME`. The settings of a named VM hold for its monitor, however
it is written, and for a VM that QEMU itself calls so.

**Directories.** Targets are suggested in the directory of `--directory`, else in that of the VM,
else in that of `[backup]`, else where the VM's last backup went, else beside the disk's own file.
`blockdeck backup` without a target takes the first three alone.

**Read-only.** What makes a VM read-only is enforced where commands are sent, like `--read-only`.
One that is named by QEMU's own name or UUID is asked these first, and only questions are sent until
then.

**Theme.** One that is chosen in the palette (`Ctrl+P`) is remembered, and begun with where `theme`
is not set. Texts that a theme would make hard to read are moved towards white or black. `[colours]`
changes the theme, and what it names is taken as it is: `primary`, `secondary`, `accent`,
`foreground`, `background`, `surface`, `panel`, `success`, `warning`, `error`, and the theme's
variables, such as `muted` or `border`.

**Keys.** `[keys.GROUP]` holds `ACT = "KEYS"`. A key that already has a meaning in the same place is
a mistake; so is a letter in the form, where letters are text.

```toml
[keys.jobs]
pause = "P,f7"
```
"""

_EXAMPLE_VALUES = {
    "read_only_vms": ["db", "0b1e2f3a-0000-4000-8000-000000000001"],
    "backup.directory": "/backup",
    "backup.fleece": "/fast",
    "vms.web.monitor": "/run/web.qmp2",
    "vms.web.directory": "/backup/web",
    "vms.web.agent": "/run/web.qga",
    "vms.web.fleece": "/fast",
    "vms.web.speed": "50MiB",
}


class ActLine(NamedTuple):
    """What can be done: `GROUP.ACT`, the keys it has otherwise, and what it is."""

    name: str
    keys: str
    meaning: str


def page(acts: Iterable[ActLine]) -> str:
    """The page in Markdown: each key with its meaning and its default."""
    lines = [_INTRO, "| key | meaning | default |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if name not in ("backup", "refresh", "vms"):
            lines.append(_row(name, field))
    for part, model in _PARTS.items():
        lines += ["", f"## `[{part}]`", "", str(model.__doc__), ""]
        lines += ["| key | meaning | default |", "|---|---|---|"]
        lines += [_row(name, field) for name, field in model.model_fields.items()]
    rows = [f"| `{act.name}` | `{act.keys}` | {act.meaning} |" for act in acts]
    table = ["", "| act | keys | what it does |", "|---|---|---|", *rows]
    return "\n".join([*lines, _OUTRO.rstrip(), *table]) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{name}` | {field.description} | {_default(name, field)} |"


def _default(name: str, field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "none: it must be there"
    if field.default is None:
        return ""
    return f"`{_toml(_readable(name, field.default))}`"


def example(acts: Iterable[ActLine]) -> str:
    """A file of settings in which everything is a comment."""
    first = "# Settings of BlockDeck. What is a comment is not set."
    return "\n".join([first, *_example(acts)]) + "\n"


def _example(acts: Iterable[ActLine]) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if name not in ("backup", "refresh", "vms", "keys", "colours"):
            yield from _commented(name, name, field)
    for part, model in _PARTS.items():
        table = part.replace("NAME", "web")
        yield from ("", f"# [{table}]")
        for name, field in model.model_fields.items():
            yield from _commented(f"{table}.{name}", name, field)
    yield from ("", "# [colours]", '# accent = "#ff8700"')
    group = ""
    for act in acts:
        before, _, name = act.name.partition(".")
        if before != group:
            group = before
            yield from ("", f"# [keys.{group}]")
        yield f"# {name} = {json.dumps(act.keys)}  # {act.meaning}"


def _commented(path: str, name: str, field: FieldInfo) -> Iterator[str]:
    value = _EXAMPLE_VALUES.get(path, _readable(name, field.default))
    yield from ("", f"# {field.description}", f"# {name} = {_toml(value)}")


def _readable(name: str, value: object) -> object:
    """Speeds in units, as they may be written."""
    if name == "presets" and isinstance(value, tuple):
        return [rate(each) if each else "0" for each in value]
    return value


def _toml(value: object) -> str:
    """A default as TOML has it; of these JSON's way to write them is TOML's as well."""
    return json.dumps(value)
