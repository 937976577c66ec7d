"""How libvirt leads to the monitor of a VM that it has started, without asking it."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tui.discovery.models import FoundMonitor, MonitorState
from tui.discovery.processes import Found, user_name
from tui.qmp.address import AddressError, LibvirtAddress, MonitorAddress, caution, parse_address

DEFAULT_URI = "LIBVIRT_DEFAULT_URI"
"""libvirt's own variable: where the operator's libvirt is, if it is not in its usual place."""

_SYSTEM_USERS = frozenset({"root", "libvirt-qemu", "qemu"})


def is_session(found: Found) -> bool:
    """Whether it is a user's own libvirt that has started the VM."""
    directory = found.line.libvirt_directory
    if directory:
        return not directory.startswith("/var/lib/libvirt/")
    return user_name(found.process.uid) not in _SYSTEM_USERS


def monitor_through_libvirt(found: Found, used: Iterable[MonitorAddress]) -> FoundMonitor | None:
    """The monitor of a domain as libvirt gives it; None where no way to its libvirt is known.

    Args:
        used: addresses of monitors that the operator has used or named; they come first.
    """
    address = next((a for a in used if leads_to(a, found)), None) or _address(found)
    if not isinstance(address, LibvirtAddress):
        return None
    return FoundMonitor(
        source="libvirt",
        text=str(address),
        address=address,
        state=MonitorState.THROUGH_LIBVIRT,
        sentence=f"libvirt speaks to the VM's own monitor for you. {caution(address)}",
    )


def leads_to(address: MonitorAddress, found: Found) -> bool:
    """Whether an address is that of this very domain."""
    if not isinstance(address, LibvirtAddress) or not address.domain:
        return False
    uuid = found.line.uuid
    named = address.domain == found.line.name
    named = named or (uuid is not None and _bare(address.domain) == _bare(uuid))
    return named and _serves(address.uri, found)


def _address(found: Found) -> LibvirtAddress | None:
    domain = found.line.name or found.line.uuid or ""
    try:
        domain.encode()
    except UnicodeEncodeError:
        # No domain of libvirt's has such a name.
        return None
    uri = next((uri for uri in _uris(found) if _serves(uri, found)), None)
    return LibvirtAddress(uri=uri, domain=domain) if uri is not None and domain else None


def _uris(found: Found) -> Iterator[str]:
    # Whatever else is in that variable, libvirt's own places are looked at.
    with contextlib.suppress(AddressError):
        address = parse_address(os.environ.get(DEFAULT_URI, ""))
        if isinstance(address, LibvirtAddress):
            yield address.uri
    yield "qemu:///session" if is_session(found) else "qemu:///system"


def _serves(uri: str, found: Found) -> bool:
    """Whether the libvirt behind a URI is the one that has started the VM."""
    session = is_session(found)
    driver = "session" if session else "system"
    if not re.match(rf"qemu(\+unix)?:///{driver}(\?|$)", uri):
        return False
    there = parse_qs(urlsplit(uri).query).get("socket")
    if there is None:
        # Nobody but the user himself comes to a user's own libvirt by this name.
        return not session or found.process.uid == os.geteuid()
    try:
        maker = Path(there[-1]).stat().st_uid
    except (OSError, ValueError):
        return False
    return maker == (found.process.uid if session else 0)


def _bare(uuid: str) -> str:
    return uuid.replace("-", "").casefold()
