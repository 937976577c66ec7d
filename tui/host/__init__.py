"""What can be seen of the host QEMU runs on, when that is this one."""
