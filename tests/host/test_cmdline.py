"""What QEMU's command line tells of its disks."""

from tui.host.cmdline import copy_on_read_drives


def test_drives_with_copy_on_read_are_found_by_their_id() -> None:
    words = ("qemu-system-x86_64", "-drive", "if=none,id=a,file=/x,,y=1,copy-on-read=on")
    more = ("-drive", "id=b,file=/b,copy-on-read=off", "--drive", "copy-on-read,id=c,file=/c")
    last = ("-drive", "file=/nameless,copy-on-read=on", "-name", "copy-on-read=on,id=d")
    assert copy_on_read_drives((*words, *more, *last)) == {"a", "c"}


def test_a_cut_off_command_line_tells_nothing() -> None:
    assert copy_on_read_drives(()) == frozenset()
    assert copy_on_read_drives(("qemu-system-x86_64", "-drive")) == frozenset()
