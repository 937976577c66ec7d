"""What the connect screen says of all VMs together, and which of them a filter lets pass."""

import os
from collections.abc import Collection, Iterable

from tui.discovery.models import Findings, FoundMonitor, FoundVm, Holder
from tui.qmp.address import AddressError, SshAddress, caution, parse_address
from tui.qmp.reserved import reserved
from tui.text import plain


def found_summary(found: Findings, host: SshAddress | None, hidden: int = 0) -> str:
    """How many there are, where, and what could not be seen."""
    where = "this host" if host is None else plain(host.host, 200)
    vms = [vm for vm in found.vms if vm.pid is not None]
    through = sum(vm.through_libvirt for vm in vms)
    free = sum(vm.usable for vm in vms) - through
    if not found.whole:
        said = f"VMs on {where}: {len(vms)}, looking"
    elif vms:
        said = f"VMs on {where}: {len(vms)}, {free} of them free to connect to"
        said += f", {through} through libvirt" if through else ""
    else:
        said = f"No QEMU is seen to run on {where}"
    said += f"; {hidden} hidden by the filter (Esc clears it)" if hidden else ""
    return " ".join([f"{said}.", *(plain(note, 400) for note in found.notes)])


def marks_summary(marked: Iterable[FoundVm], shown: Collection[str]) -> str:
    """What Enter would do to the VMs that are marked; `shown` are the keys of those to be seen."""
    vms = list(marked)
    if not vms:
        return ""
    counted = "VM that is marked" if len(vms) == 1 else f"{len(vms)} VMs that are marked"
    hidden = sum(vm.key not in shown for vm in vms)
    unseen = f", {hidden} of them hidden by the filter" if hidden else ""
    said = caution(*(vm.best.address for vm in vms if vm.best is not None))
    return f"Enter opens the {counted}{unseen}. {said}".rstrip()


def may_be_marked_with_others(vm: FoundVm) -> bool:
    """Whether a VM can be opened without a thought of its own: by that alone no guest starts."""
    return vm.usable and not vm.ours and vm.best is not None and not vm.best.waits


def has_words(vm: FoundVm, called: str, words: Iterable[str]) -> bool:
    """Whether all these words, in small letters, are in what is told of a VM."""
    told = [called, vm.title, vm.uuid, vm.user, vm.run_state, vm.manager, str(vm.pid or "")]
    told += [word for m in vm.monitors for word in (m.state, m.source, m.text, str(m.address))]
    told += [word for disk in vm.disks for word in (disk.name, disk.file)]
    hay = "\n".join(str(each) for each in told if each).casefold()
    return all(word in hay for word in words)


def with_those_open(found: Findings, addresses: Collection[str]) -> Findings:
    """What is found, with the monitors open here that the kernel cannot tell of."""
    ours = Holder(pid=os.getpid())

    def told(monitor: FoundMonitor) -> FoundMonitor:
        is_open = str(monitor.address) in addresses
        return monitor.model_copy(update={"holder": ours}) if is_open else monitor

    vms = (vm.model_copy(update={"monitors": tuple(map(told, vm.monitors))}) for vm in found.vms)
    return found.model_copy(update={"vms": tuple(vms)})


def typed_caution(text: str) -> str:
    """What connecting to an address would do; nothing where it is not whole yet."""
    try:
        address = parse_address(text)
    except AddressError:
        return ""
    return caution(address) or reserved(address)
