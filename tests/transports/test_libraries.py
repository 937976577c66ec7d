"""What a transport needs is imported by whoever uses it, and missed in one sentence."""

import subprocess
import sys

import pytest

from tests.cli.running import ROOT, blockdeck

_LOADED = """
import sys
import tui.app, tui.cli.backup
print(*sorted({"asyncssh", "cryptography", "libvirt"} & set(sys.modules)))
"""

_WITHOUT = """
import sys
from tui.cli import main
sys.modules[sys.argv.pop(1)] = None
sys.exit(main())
"""


def test_no_transport_costs_those_who_do_not_use_it() -> None:
    assert _run(_LOADED).stdout == "\n"


@pytest.mark.parametrize(
    ("library", "address"),
    [("asyncssh", "ssh://host/run/vm.sock"), ("libvirt", "qemu:///system?domain=x")],
)
def test_a_library_that_is_missing_is_named_with_what_brings_it(library: str, address: str) -> None:
    done = _run(_WITHOUT, library, "jobs", address)
    assert done.returncode == 3
    assert "needs a library that is not installed" in done.stderr
    assert f"'.[{'ssh' if library == 'asyncssh' else library}]'" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_bad_address_is_a_mistake_in_the_usage() -> None:
    done = await blockdeck("jobs", "ssh://host?x")
    assert done.status == 2
    assert "takes no options" in done.err


def _run(code: str, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
