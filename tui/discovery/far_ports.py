"""The TCP connections of another host, as its `/proc/net/tcp` and its `ss` tell them."""

import ipaddress
import re
from collections.abc import Iterator, Mapping

import psutil

from tui.discovery.holders import TcpTable

_ROW = re.compile(
    r"\s*\d+: (?P<ip>[0-9A-F]+):(?P<port>[0-9A-F]{4}) (?P<far>[0-9A-F]+):(?P<far_port>[0-9A-F]{4})"
    r" (?P<status>0[1A]) \S+ \S+ \S+ +\d+ +\d+ (?P<inode>\d+) .*"
)
_OWNER = re.compile(r'users:\(\("(?P<program>[^"]*)",pid=(?P<pid>\d+),.* ino:(?P<inode>\d+)')
_STATUS = {"01": psutil.CONN_ESTABLISHED, "0A": psutil.CONN_LISTEN}
_WORD = 8


def read_owners(told: str) -> tuple[dict[int, int], dict[int, str]]:
    """The processes by the inodes of their connections, and the programs by the processes.

    Args:
        told: what `ss -tnpe` has said; only root is told of all.
    """
    rows = list(_OWNER.finditer(told))
    pids = {int(row["inode"]): int(row["pid"]) for row in rows}
    return pids, {int(row["pid"]): row["program"] for row in rows}


def read_ports(told: str, pids: Mapping[int, int]) -> TcpTable:
    """The table of `/proc/net/tcp` and `tcp6`; rows that are no such rows are left out."""
    return TcpTable(tuple(_rows(told, pids)))


def _rows(
    told: str, pids: Mapping[int, int]
) -> Iterator[tuple[str, int, str, int, str, int | None]]:
    for row in filter(None, map(_ROW.fullmatch, told.splitlines())):
        ip, far = _ip(row["ip"]), _ip(row["far"])
        if ip and far:
            ports = int(row["port"], 16), int(row["far_port"], 16)
            pid = pids.get(int(row["inode"]))
            yield ip, ports[0], far, ports[1], _STATUS[row["status"]], pid


def _ip(digits: str) -> str:
    """An address of 4 or 16 bytes, each four of them in the host's own order: the lesser first."""
    if len(digits) not in (_WORD, 4 * _WORD):
        return ""
    words = (digits[at : at + _WORD] for at in range(0, len(digits), _WORD))
    ip = ipaddress.ip_address(b"".join(bytes.fromhex(word)[::-1] for word in words))
    return str(getattr(ip, "ipv4_mapped", None) or ip)
