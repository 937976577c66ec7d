"""When Python looks for garbage, so that neither the start nor a key has to wait for it.

While more and more is imported there is hardly any, and what was imported stays. On the screen
it is collected in portions that are small enough for a key to wait for.
"""

import gc

# Python's own 700 looks through all that was imported again and again while more is imported.
_WHILE_IMPORTING = 20_000

# Small portions, and all of it rarely: with a hundred VMs, or one of 2,000 disks, the portions that
# suit the start took as long as a key may wait.
_ON_THE_SCREEN = (1_000, 5, 200)


def collect_as_it_suits_imports() -> None:
    """Look rarely; from the first line of `main` on."""
    gc.set_threshold(_WHILE_IMPORTING)


def collect_none() -> None:
    """Do not look at all; from when a screen is to be shown until its first paint."""
    gc.disable()


def keep_what_is_there() -> None:
    """Never look through again what there is now: it has been imported, and stays."""
    gc.freeze()


def collect_again() -> None:
    """Look again, as it suits imports; from the first paint on."""
    gc.enable()


def collect_as_it_suits_keys() -> None:
    """Look in small portions; once what the next keys will need is imported, too."""
    gc.set_threshold(*_ON_THE_SCREEN)
