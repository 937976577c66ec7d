"""Everything about one disk: names, chain, bitmaps, cache, throttling."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content

from tui.text import plain
from tui.units import rate, size
from tui.vm.filenames import file_behind
from tui.vm.snapshot import Device, Limits, Medium
from tui.widgets.device_rows import flags
from tui.widgets.facts import Facts, fact, title


class DeviceDetail(VerticalScroll, can_focus=True):
    """A pane of text; focus it to scroll."""

    def compose(self) -> ComposeResult:
        """One block of text."""
        yield Facts(id="device-detail-text")

    def show_device(self, device: Device | None, *, lost: bool = False) -> None:
        """Show a disk, or nothing; `lost` tells that its QEMU cannot be reached."""
        self.query_one(Facts).show_resized(describe(device, lost=lost))


def describe(device: Device | None, *, lost: bool = False) -> Content:
    """The text about a disk."""
    if device is None:
        return Content.styled("No disk is highlighted.", "$muted")
    lines: list[Content] = [*_names(device, lost=lost)]
    if device.medium is not None:
        medium = device.medium
        lines += [*_sizes(medium), *_chain(medium), *_bitmaps(medium)]
        lines += [fact("cache", _cache(medium)), fact("throttled", _limits(medium.limits))]
    traffic = device.throughput
    if traffic is not None:
        lines.append(fact("guest I/O", f"{rate(traffic.read)} read, {rate(traffic.write)} written"))
    return Content("\n").join(lines)


def _names(device: Device, *, lost: bool) -> list[Content]:
    medium = device.medium
    name = device.backup_name
    lines = [title(device.title)]
    if lost:
        words = "as it was when last seen: QEMU cannot be reached"
        lines.append(fact("no backup", Content.styled(words, "$text-warning")))
    elif name is not None and device.obstacle is None:
        lines.append(fact("back up as", Content.styled(f"device={plain(name, 200)}", "bold")))
    elif device.obstacle is not None:
        lines.append(fact("no backup", Content.styled(device.obstacle, "$text-warning")))
    if medium is not None:
        node = plain(medium.node_name, 200)
        generated = "  (made up by QEMU, new at each start)" if node.startswith("#") else ""
        lines.append(fact("node-name", f"{node}{generated}"))
    lines.append(fact("frontend", plain(device.qdev or "not attached to the guest", 200)))
    io_status = "" if lost else f", io-status {device.io_status or 'not kept'}"
    lines.append(fact("state", f"{flags(device)}{io_status}"))
    return lines


def _sizes(medium: Medium) -> list[Content]:
    clusters = f" in clusters of {size(medium.cluster_size)}" if medium.cluster_size else ""
    return [
        fact("size", f"{size(medium.virtual_size)} ({medium.virtual_size:,} bytes)"),
        fact("allocated", f"{size(medium.actual_size)}{clusters}"),
    ]


def _chain(medium: Medium) -> list[Content]:
    lines = []
    for depth, image in enumerate(medium.chain):
        branch = "" if depth == 0 else "   " * (depth - 1) + "└─ "
        told = f"{image.format}, {size(image.actual_size)}"
        text = Content.assemble(
            branch, plain(file_behind(image.filename), 400), (f"  {told}", "$muted")
        )
        lines.append(fact("chain" if depth == 0 else "", text))
    return lines


def _bitmaps(medium: Medium) -> list[Content]:
    lines = []
    for number, bitmap in enumerate(medium.bitmaps):
        words = [f"{size(bitmap.count)} dirty", f"granularity {size(bitmap.granularity)}"]
        words += ["recording" if bitmap.recording else "disabled"]
        words += [word for word in ("busy", "persistent", "inconsistent") if getattr(bitmap, word)]
        text = f"{plain(bitmap.name, 100)}  {', '.join(words)}"
        lines.append(fact("bitmaps" if number == 0 else "", text))
    return lines or [fact("bitmaps", "none")]


def _cache(medium: Medium) -> str:
    cache = medium.cache
    if cache is None:
        return "not told"
    words = ["writeback" if cache.writeback else "writethrough"]
    words += ["direct"] if cache.direct else []
    words += ["no-flush"] if cache.no_flush else []
    return f"{', '.join(words)}; detect-zeroes {medium.detect_zeroes}"


def _limits(limits: Limits) -> str:
    told = [
        ("", limits.bps, rate),
        (" read", limits.bps_rd, rate),
        (" written", limits.bps_wr, rate),
    ]
    words = [f"{show(value)}{what}" for what, value, show in told if value]
    operations = [("", limits.iops), (" read", limits.iops_rd), (" written", limits.iops_wr)]
    words += [f"{value} IOPS{what}" for what, value in operations if value]
    group = f" in group {plain(limits.group, 60)}" if limits.group and words else ""
    return (", ".join(words) + group) if words else "no"
