"""What to call VMs that are open side by side, so that no two are called alike."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count

from tui.qmp.address import LibvirtAddress, MonitorAddress, SshAddress, UnixAddress
from tui.text import plain

LABEL = 24
"""Labels differ also when they are shortened to so many terminal cells."""

_URI_HOST = re.compile(r"[^:]*://(?:[^@/]*@)?(?P<host>\[[^\]]*\]|[^:/?]*)")
_IP = re.compile(r"[\d.]+|.*:.*")


def labels(vms: Sequence[tuple[str, MonitorAddress]]) -> list[str]:
    """A label for each VM, given its name (empty where it has none) and its monitor.

    It is the name alone where no other is called so. Where one is, the host follows, as in
    `web@hv1`, or what their sockets' paths differ in; a number where nothing else tells them apart.
    """
    choices = [_choices(name, address) for name, address in vms]
    chosen = [0] * len(choices)
    while True:
        told = [choice[number] for choice, number in zip(choices, chosen, strict=True)]
        alike = _alike(told)
        longer = [place for place in alike if chosen[place] + 1 < len(choices[place])]
        if not longer:
            return _numbered(told, alike)
        for place in longer:
            chosen[place] += 1


def _alike(told: Sequence[str]) -> list[int]:
    """The places of those that look like another one."""
    shown = [plain(text, LABEL) for text in told]
    times = Counter(shown)
    return [place for place, text in enumerate(shown) if times[text] > 1]


def _numbered(told: list[str], alike: Sequence[int]) -> list[str]:
    taken = {plain(text, LABEL) for text in told}
    for place in alike:
        numbered = (f"{told[place]}#{number}" for number in count(1))
        told[place] = next(text for text in numbered if plain(text, LABEL) not in taken)
        taken.add(plain(told[place], LABEL))
    return told


def _choices(name: str, address: MonitorAddress) -> tuple[str, ...]:
    """What a VM can be called, the shortest first."""
    if not name:
        return (str(address),)
    return (name, *(f"{name}@{place}" for place in _places(address) if place))


def _places(address: MonitorAddress) -> Iterator[str]:
    """Where a monitor is, in a word each, the best first."""
    match address:
        case UnixAddress():
            # /run/vm1/qmp and /run/vm2/qmp differ in their directory alone.
            yield from reversed(address.path.parts)
        case SshAddress():
            yield from _host(address.host)
            yield from reversed(address.inside.split("/"))
            yield address.login
        case LibvirtAddress():
            found = _URI_HOST.match(address.uri)
            yield from _host((found["host"] if found else "") or "libvirt")
            yield from (address.domain, address.uri)
        case _:
            yield from _host(address.host)
            yield f"{address.host}:{address.port}"


def _host(name: str) -> Iterator[str]:
    """The host as people call it, by the first part of its name, and by all of it."""
    if not _IP.fullmatch(name):
        yield name.partition(".")[0]
    yield name
