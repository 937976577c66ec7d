"""The keys that work on every screen."""

from textual.binding import Binding

from tui.keymap import remappable

APP_KEYS = remappable(
    "app",
    [
        Binding("1", "show('devices')", "Disks", tooltip="Every block device of the VM"),
        Binding("2", "show('jobs')", "Jobs", tooltip="Backups and other block jobs"),
        Binding("3", "show('events')", "Events", tooltip="What QEMU reports as it happens"),
        Binding(
            "4", "show('history')", "History", tooltip="Reports of the backups that have ended"
        ),
        Binding("5", "show('chains')", "Chains", tooltip="Full backups and their increments"),
        Binding("0", "show('vms')", "VMs", show=False, tooltip="Every VM that is open, in a list"),
        Binding(
            "left_square_bracket", "switch(-1)", "Previous VM", show=False, tooltip="The VM before"
        ),
        Binding("right_square_bracket", "switch(1)", "Next VM", show=False, tooltip="The VM after"),
        Binding(
            *("M", "together", "All VMs"),
            show=False,
            tooltip="Jobs and events of all open VMs, or of this one",
        ),
        Binding("W", "close_vm", "Close VM", show=False, tooltip="Let go of this VM; jobs go on"),
        Binding("r", "refresh", "Refresh", show=False, tooltip="Ask QEMU for everything again"),
        Binding(
            *("ctrl+l", "redraw", "Redraw"),
            show=False,
            tooltip="Paint the screen anew, if something else has written on the terminal",
        ),
        Binding("o", "show('connect')", "Open", show=False, tooltip="Open another monitor"),
        Binding(
            *("L", "leftovers", "Leftovers"),
            show=False,
            tooltip="Jobs, nodes, filters and bitmaps that nobody uses any more",
        ),
        Binding(
            *("B", "bitmaps", "Bitmaps"),
            show=False,
            tooltip="Dirty bitmaps: what the next incremental backups would copy",
        ),
        Binding("question_mark,f1", "help", "Keys", tooltip="All keys"),
        Binding("q", "leave", "Quit", tooltip="Quit; backups go on in QEMU"),
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True),
    ],
)
"""What can be done everywhere, by the names that the settings know it by."""
