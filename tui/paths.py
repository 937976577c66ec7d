"""Where BlockDeck finds its style sheets and keeps what it remembers."""

from pathlib import Path, PurePath

from platformdirs import PlatformDirs

_PACKAGE = Path(__file__).resolve().parent
_PACKAGED_STYLES = _PACKAGE / "styles"
_DIRS = PlatformDirs("blockdeck", appauthor=False)

STYLES: Path = _PACKAGED_STYLES if _PACKAGED_STYLES.is_dir() else _PACKAGE.parent / "styles"
"""The `.tcss` files: inside the package of an installed wheel, beside it in a checkout."""


def sheets(*names: str) -> list[str | PurePath]:
    """The style sheets of these names; of the rules that weigh the same the last one holds."""
    return [STYLES / f"{name}.tcss" for name in names]


def state_directory() -> Path:
    """Where outcomes of jobs and recent monitors are kept (`$XDG_STATE_HOME`); may not exist."""
    return Path(_DIRS.user_state_dir)


def config_directory() -> Path:
    """Where the operator's settings are read from (`$XDG_CONFIG_HOME`); may not exist."""
    return Path(_DIRS.user_config_dir)
