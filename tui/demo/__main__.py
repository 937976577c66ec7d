"""`python -m tui.demo`: a line of JSON says where the VM is, or `{"error": …}` why it is not."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from tui.demo.errors import DemoError
from tui.demo.serve import serve
from tui.demo.vm import DemoInfo


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a demo VM; 0 when told to end, 1 when there is none or it ended by itself."""
    parser = argparse.ArgumentParser(prog="python -m tui.demo", description="Serve a demo VM.")
    parser.add_argument(
        "--parent-fd", type=int, help="end when this pipe is closed on the other side"
    )
    options = parser.parse_args(arguments)
    try:
        asyncio.run(serve(_announce, parent_fd=options.parent_fd))
    except DemoError as error:
        _say(json.dumps({"error": str(error)}))
        return 1
    return 0


def _announce(info: DemoInfo) -> None:
    _say(info.model_dump_json())


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
