"""One look at another host, by a script that its `sh` runs: what it shows, and what that says.

The script takes what every Linux has, and asks for no more: it reads `/proc` and lists files. What
the user who is logged in may not see is left out.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from tui.discovery.far_ports import read_owners, read_ports
from tui.discovery.holders import TcpTable
from tui.discovery.sockets import UnixSocket, read_lines

_MARK = b"blockdeck-look"

# Each line: what it is, of which process, and what was read, in hexadecimal digits.
_LOOK = r"""
LC_ALL=C; export LC_ALL
exec 2>/dev/null
echo blockdeck-look
say() { printf '%s %s ' "$1" "$2"; od -An -v -tx1 | tr -d ' \n'; echo; }
{ id -u; id -un; cut -d' ' -f1 /proc/uptime; getconf CLK_TCK || echo 100; } | say host 0
readlink /proc/self/ns/net | say net 0
readlink /proc/self/ns/mnt | say mounts 0
say unix 0 </proc/net/unix
ss -xpn | say peers 0
cat /proc/net/tcp /proc/net/tcp6 | say tcp 0
ss -tnpe | say callers 0
cd /proc
stat -c '%n %U' [0-9]* | say users 0
for f in $(grep -alE 'qemu|kvm' [0-9]*/cmdline); do
    p=${f%/cmdline}
    say cmdline "$p" <"$f"
    say stat "$p" <"$p/stat"
    say status "$p" <"$p/status"
    readlink "$p/cwd" | say cwd "$p"
    readlink "$p/ns/net" | say net "$p"
    readlink "$p/ns/mnt" | say mounts "$p"
    ls -l "$p/fd" | say fd "$p"
done
limit=; command -v timeout >/dev/null && limit='timeout 2'
$limit find /run /tmp /var/lib/libvirt/qemu -maxdepth 3 -type s -print0 | say files 0
"""

# For each path: whether it is a socket, whether it may be connected to, where it leads by links,
# and whose it is.
_FILES = r"""
exec 2>/dev/null
while IFS= read -r f; do
    s=-; [ -S "$f" ] && s=s
    w=-; [ -w "$f" ] && w=w
    printf '%s ' "$s$w"
    readlink -f "$f" | od -An -v -tx1 | tr -d ' \n'
    echo " $(stat -L -c '%U:%G with mode %A' "$f")"
done
"""

_PEERS = re.compile(
    r"u_str +\S+ +\d+ +\d+ +.*? (?P<inode>\d+) +.*? (?P<peer>\d+)"
    r'(?: +users:\(\("(?P<program>[^"]*)",pid=(?P<pid>\d+).*)?\s*'
)
_FD = re.compile(r" (?P<number>\d+) -> socket:\[(?P<inode>\d+)\]")


class FarProcess(BaseModel):
    """A process of another host that may be a QEMU; None is "cannot be told".

    Attributes:
        uid: whose rights it has for files.
        state: the letter of `/proc/PID/status`.
        age: for how long it has run, in seconds.
        started: when it began, in a measure of that host.
        sockets: the inodes of its sockets, by their numbers.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    pid: int
    cmdline: tuple[str, ...]
    uid: int = 0
    user: str = ""
    state: str = ""
    age: float = 0.0
    started: int = 0
    cwd: str | None = None
    own_network: bool | None = None
    own_files: bool | None = None
    sockets: dict[str, int] | None = None


class Client(BaseModel):
    """The other end of a connection, and the process that has it, where that is told."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    pid: int | None = None
    program: str | None = None


class FarHost(BaseModel):
    """What a look has shown.

    Attributes:
        user: who is logged in.
        unix: the Unix sockets; None where they are not told.
        tcp: the TCP connections.
        programs: those of the processes with such a connection, by pid, as far as they are told.
        clients: by the inode of a connection, who is at its other end.
        users: the users of processes, by pid.
        files: the sockets in the usual places.
    """

    model_config = ConfigDict(frozen=True, defer_build=True, arbitrary_types_allowed=True)

    user: str
    uid: int
    processes: tuple[FarProcess, ...] = ()
    unix: tuple[UnixSocket, ...] | None = None
    tcp: TcpTable = TcpTable()
    programs: dict[int, str] = {}
    clients: dict[int, Client] = {}
    users: dict[int, str] = {}
    files: tuple[str, ...] = ()


class FarFile(BaseModel):
    """What is at a path, for the user who is logged in.

    Attributes:
        real: where the path leads by links; "" where that is not told.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    is_socket: bool
    may_connect: bool
    owner: str
    real: str = ""


class NotTold(Exception):
    """The host has not run the script, or not in this way."""


Run = Callable[[str, bytes], Awaitable[bytes]]
"""Has the host's `sh` run a script, with bytes on its standard input; tells what it says."""


async def look(run: Run) -> FarHost:
    """Have the host show what it has.

    Raises:
        NotTold: it has run something else.
    """
    return read_look(await run(_LOOK, b""))


async def look_at_files(run: Run, paths: list[str]) -> dict[str, FarFile]:
    """Have the host tell what is at these paths, but for those with a line break in them."""
    asked = [path for path in paths if "\n" not in path]
    given = "".join(f"{path}\n" for path in asked).encode("utf-8", "surrogateescape")
    answers = (await run(_FILES, given)).decode("utf-8", "replace").splitlines() if asked else []
    told = {}
    for path, answer in zip(asked, answers, strict=False):
        flags, _, rest = answer.partition(" ")
        real, _, owner = rest.partition(" ")
        told[path] = FarFile(
            is_socket="s" in flags, may_connect="w" in flags, owner=owner, real=_path(real)
        )
    return told


def read_look(said: bytes) -> FarHost:
    """Read what the script has printed; it comes from another host, and may be anything.

    Raises:
        NotTold: it is nothing of the script's.
    """
    # A login may print something of its own before.
    _, mark, rest = said.partition(_MARK)
    told = {(kind, pid): raw for kind, pid, raw in _records(rest)}

    def text(kind: str, pid: int = 0) -> str:
        # Paths and names are bytes there as here.
        return told.get((kind, pid), b"").decode("utf-8", "surrogateescape")

    host = text("host").split()
    if not mark or len(host) < 3 or not host[0].isdigit():
        raise NotTold
    uptime, ticks = _number(host[2]), _number(host[3] if len(host) > 3 else "") or 100.0
    users = dict(_users(text("users")))
    pids = sorted(pid for kind, pid in told if kind == "cmdline")
    seen = (_process(text, pid, uptime=uptime, ticks=ticks, users=users) for pid in pids)
    processes = tuple(process for process in seen if process is not None)
    owners, programs = read_owners(text("callers"))
    for process in processes:
        owners |= dict.fromkeys((process.sockets or {}).values(), process.pid)
    unix = text("unix")
    return FarHost(
        user=host[1],
        uid=int(host[0]),
        processes=processes,
        unix=tuple(read_lines(unix.split("\n"))) if unix else None,
        tcp=read_ports(text("tcp"), owners),
        programs=programs,
        clients=_clients(text("peers")),
        users=users,
        files=tuple(path for path in text("files").split("\0") if path),
    )


def _process(
    text: Callable[[str, int], str],
    pid: int,
    *,
    uptime: float,
    ticks: float,
    users: Mapping[int, str],
) -> FarProcess | None:
    """What is told of a process; None if it has ended meanwhile."""
    status = dict(line.partition(":")[::2] for line in text("status", pid).splitlines())
    started = _started(text("stat", pid))
    uids = status.get("Uid", "").split()
    if len(uids) < 4 or not uids[3].isdigit() or started is None:
        return None
    return FarProcess(
        pid=pid,
        cmdline=tuple(text("cmdline", pid).rstrip("\0").split("\0")),
        uid=int(uids[3]),
        user=users.get(pid, uids[3]),
        state=status.get("State", "").strip()[:1],
        age=max(0.0, uptime - started / ticks),
        started=started,
        cwd=text("cwd", pid).removesuffix("\n") or None,
        own_network=_differ(text("net", pid), text("net", 0)),
        own_files=_differ(text("mounts", pid), text("mounts", 0)),
        sockets=_sockets(text("fd", pid)) if text("fd", pid) else None,
    )


def _records(said: bytes) -> Iterator[tuple[str, int, bytes]]:
    for line in said.splitlines():
        words = line.decode("ascii", "replace").split(" ")
        if len(words) != 3 or not words[1].isdigit():
            continue
        try:
            yield words[0], int(words[1]), bytes.fromhex(words[2])
        except ValueError:
            continue


def _path(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode("utf-8", "surrogateescape").removesuffix("\n")
    except ValueError:
        return ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _users(text: str) -> Iterator[tuple[int, str]]:
    for line in text.splitlines():
        pid, _, user = line.partition(" ")
        if pid.isdigit() and user:
            yield int(pid), user


def _started(stat: str) -> int | None:
    """When a process began, in clock ticks: a field after its name, which may be anything."""
    fields = stat.rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 and fields[19].isdigit() else None


def _differ(theirs: str, ours: str) -> bool | None:
    return theirs != ours if theirs and ours else None


def _sockets(listing: str) -> dict[str, int]:
    return {m["number"]: int(m["inode"]) for m in _FD.finditer(listing)}


def _clients(peers: str) -> dict[int, Client]:
    rows = [row for row in map(_PEERS.fullmatch, peers.splitlines()) if row]
    program = {int(r["inode"]): (int(r["pid"]), r["program"]) for r in rows if r["pid"]}
    found = {}
    for row in rows:
        pid, name = program.get(int(row["peer"]), (None, None))
        found[int(row["inode"])] = Client(pid=pid, program=name)
    return found
