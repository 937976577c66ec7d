"""The kernel's two lists of Unix sockets say the same, as far as the older one knows it."""

import os
import socket
from pathlib import Path

from tests.waiting import until_now
from tui.discovery.holders import owners
from tui.discovery.sockets import SocketTable

QUEUE = 4


def listening(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.fsencode(path))
    server.listen(QUEUE)
    return server


def connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(os.fsencode(path))
    return client


def test_both_lists_tell_free_from_busy(tmp_path: Path) -> None:
    path = tmp_path / "a b[red]"
    with listening(path) as server:
        for table in (SocketTable.read(), SocketTable.of_process(os.getpid())):
            found = table.listener(path)
            assert found is not None
            assert found.inode == os.fstat(server.fileno()).st_ino
            assert table.clients(found) == ()
        # One that nobody has accepted yet holds a monitor as well.
        with connected(path):
            for table in (SocketTable.read(), SocketTable.of_process(os.getpid())):
                found = table.listener(path)
                assert found is not None
                (waiting,) = table.clients(found)
                assert waiting.inode == 0


def test_the_other_end_is_told_with_its_process_and_user(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listening(path) as server, connected(path) as client:
        accepted, _ = server.accept()
        with accepted:
            table = SocketTable.read()
            found = table.listener(path)
            assert found is not None
            (served,) = table.clients(found)
            assert served.inode == os.fstat(accepted.fileno()).st_ino
            assert served.peer == os.fstat(client.fileno()).st_ino
            peer = table.by_inode(served.peer)
            assert peer is not None
            assert peer.uid in (os.geteuid(), None)
            assert owners()[served.peer] == os.getpid()


def test_a_client_that_has_left_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listening(path) as server:
        client = connected(path)
        accepted, _ = server.accept()
        with accepted:
            client.close()
            found = SocketTable.read().listener(path)
            assert found is not None
            until_now(lambda: SocketTable.read().clients(found) == ())


def test_of_two_sockets_that_had_one_path_the_one_that_has_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with listening(path), connected(path):
        path.unlink()
        with listening(path) as second:
            table = SocketTable.read()
            found = table.listener(path)
            assert found is not None
            assert found.inode == os.fstat(second.fileno()).st_ino
            assert table.clients(found) == ()


def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n\x1b"))
    with listening(path):
        assert SocketTable.read().listener(path) is not None


def test_nobody_is_at_a_path_without_a_socket(tmp_path: Path) -> None:
    assert SocketTable.read().listener(tmp_path / "none") is None
    assert SocketTable.of_process(2**22 + 1).listener(tmp_path) is None
