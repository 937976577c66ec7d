"""What QEMU's command line tells of its disks."""

from tui.host.cmdline import copy_on_read_drives, nodes_at_start


def test_drives_with_copy_on_read_are_found_by_their_id() -> None:
    words = ("qemu-system-x86_64", "-drive", "if=none,id=a,file=/x,,y=1,copy-on-read=on")
    more = ("-drive", "id=b,file=/b,copy-on-read=off", "--drive", "copy-on-read,id=c,file=/c")
    last = ("-drive", "file=/nameless,copy-on-read=on", "-name", "copy-on-read=on,id=d")
    assert copy_on_read_drives((*words, *more, *last)) == {"a", "c"}


def test_a_cut_off_command_line_tells_nothing() -> None:
    assert copy_on_read_drives(()) == frozenset()
    assert copy_on_read_drives(("qemu-system-x86_64", "-drive")) == frozenset()


def test_the_nodes_of_the_command_line_are_found_also_inside_others() -> None:
    given = (
        *("qemu", "-blockdev", "driver=raw,node-name=a,file.driver=file,file.node-name=a-f"),
        *("-blockdev", '{"node-name": "b", "file": {"driver": "file", "node-name": "b-f"}}'),
        *("-drive", "if=none,node-name=c,file=/x,,node-name=no.img", "-blockdev", "{broken"),
        *("-device", "virtio-blk,node-name=no"),
    )
    assert nodes_at_start(given) == {"a", "a-f", "b", "b-f", "c"}
    assert nodes_at_start(("qemu", "-blockdev")) == frozenset()
