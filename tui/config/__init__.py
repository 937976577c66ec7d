"""The operator's settings: one TOML file, environment variables, options of the command line."""

from tui.config.load import Loaded, load
from tui.config.mistakes import Mistake, Mistakes
from tui.config.settings import Settings

__all__ = ["Loaded", "Mistake", "Mistakes", "Settings", "load"]
