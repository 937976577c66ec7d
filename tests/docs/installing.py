"""`pipx install SPEC` into a directory that is thrown away, without the network.

The extras are looked up, the project is built and installed; its dependencies are those of
the tests.
"""

import subprocess
import sys
import tempfile
import tomllib

from packaging.requirements import Requirement

from tests.docs.pages import CHECKOUT


def main(words: list[str]) -> int:
    """Install what the words say."""
    verb, spec = words
    place, _, extras = spec.partition("[")
    assert (verb, place) == ("install", "."), words
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wanted = Requirement(f"blockdeck[{extras}" if extras else "blockdeck").extras
    assert wanted <= project["optional-dependencies"].keys(), wanted
    with tempfile.TemporaryDirectory() as target:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        options = ["--no-deps", "--no-index", "--no-build-isolation", "--target", target]
        return subprocess.run([*pip, *options, str(CHECKOUT)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
