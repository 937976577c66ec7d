"""A process that has imported what the commands need, and forks a new one for each of them.

A command is over in a tenth of a second; before that, it imports for nearly a whole one.

`python -m tests.cli.forking FD` takes commands from a socket: words as they follow `python -m`, the
environment and the directory in JSON, and with it standard input, output, error and where to tell
how it ends.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

LONGEST = 1 << 17
"""Bytes of a command and its environment."""

_STREAMS = 3


def ask(
    server: socket.socket,
    words: Sequence[str],
    env: Mapping[str, str],
    directory: Path,
    streams: Sequence[int],
) -> None:
    """Have a command run; its pid and then its status come through the last of the streams."""
    message = json.dumps([list(words), dict(env), str(directory)]).encode()
    assert len(message) < LONGEST
    socket.send_fds(server, [message], streams)


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def _next_command(server: socket.socket) -> list[str]:
    """The words of a command: it returns in a new process for each, and ends in the first."""
    # Those that watch over a command need not be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, streams, _, _ = socket.recv_fds(server, LONGEST, _STREAMS + 1)
        if not message:
            sys.exit()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server.close()
            pid = os.fork()
            if pid:
                _tell_the_end(pid, streams)
            return _become(message, streams)
        for stream in streams:
            os.close(stream)


def _tell_the_end(pid: int, streams: list[int]) -> None:
    *others, told = streams
    for stream in others:
        os.close(stream)
    os.write(told, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(message: bytes, streams: list[int]) -> list[str]:
    words, env, directory = json.loads(message)
    for number, stream in enumerate(streams[:_STREAMS]):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(directory)
    return [str(word) for word in words]


def main() -> None:
    """Serve until the other end is closed; in each new process, do what `python -m` does."""
    # As the command itself has it.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    import tui.cli

    _import_all(tui.cli)
    gc.collect()
    gc.freeze()
    module, *words = _next_command(socket.socket(fileno=int(sys.argv[1])))
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
