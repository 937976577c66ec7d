"""Two who work on a chain at once do not undo each other's work."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chain.test_manifest import a_chain, a_point
from tui.chain.directory import write_chain
from tui.chain.lock import ChainBusy, alone_with
from tui.chain.manifest import Chain


def test_one_at_a_time_works_on_a_chain_and_others_on_other_chains(tmp_path: Path) -> None:
    path = write_chain(tmp_path, a_chain(a_point(1)))
    with alone_with(path):
        with pytest.raises(ChainBusy), alone_with(path):
            pass
        with alone_with(tmp_path / "blockdeck-other.chain.json"):
            pass
    with alone_with(path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_whoever_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = write_chain(tmp_path, a_chain(a_point(1)))
    code = (
        "import sys, time; from pathlib import Path; from tui.chain.lock import alone_with\n"
        "with alone_with(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(ChainBusy), alone_with(path):
            pass
        os.kill(process.pid, signal.SIGKILL)
    with alone_with(path):
        pass


def test_what_is_surplus_is_of_no_point() -> None:
    with pytest.raises(ValueError, match="is of a point, and surplus"):
        Chain.model_validate({**a_chain(a_point(1)).model_dump(), "surplus": ["web-sda-1.qcow2"]})
