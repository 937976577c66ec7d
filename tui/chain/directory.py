"""The manifests of a directory: read, and written whole or not at all."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tui.chain.manifest import SUFFIX, Chain
from tui.durable import settle, write_whole

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A chain and the file its manifest is in; its images are in the same directory."""

    path: Path
    chain: Chain

    @property
    def directory(self) -> Path:
        """Where its images are."""
        return self.path.parent


class NoManifest(Exception):
    """A manifest cannot be read; the text says which, and why."""


def read_chain(path: Path) -> Kept:
    """Read a manifest. It waits for the disk: it is for threads.

    Raises:
        NoManifest: there is none, or it cannot be read or understood.
    """
    try:
        return Kept(path, Chain.model_validate(json.loads(path.read_bytes())))
    except OSError as error:
        raise NoManifest(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NoManifest(f"{path}: {where or 'chain'}: {first['msg']}") from error
    except ValueError as error:
        raise NoManifest(f"{path}: {error}") from error


def write_chain(directory: Path, chain: Chain) -> Path:
    """Put a manifest on the disk for good, whole or not at all, and tell its file.

    Who writes is alone with the chain: drafts of others are of processes that were killed.

    Raises:
        OSError: it cannot be written; the one before it is untouched.
    """
    path = directory / manifest_name(chain)
    for left in directory.glob(f".{path.name}.[0-9]*"):
        left.unlink(missing_ok=True)
    write_whole(path, chain.model_dump_json(indent=1) + "\n")
    settle(directory)
    return path


def manifest_name(chain: Chain) -> str:
    """The file name of a chain's manifest; the id makes it its own."""
    return f"blockdeck-{chain.id}{SUFFIX}"


def chains_in(directory: Path) -> tuple[tuple[Kept, ...], tuple[NoManifest, ...]]:
    """The chains of a directory, and the manifests that cannot be read.

    Raises:
        OSError: the directory cannot be read.
    """
    kept, bad = [], []
    for path in sorted(directory.iterdir()):
        if not path.name.endswith(SUFFIX) or path.name.startswith("."):
            continue
        try:
            kept.append(read_chain(path))
        except NoManifest as error:
            bad.append(error)
    return tuple(kept), tuple(bad)
