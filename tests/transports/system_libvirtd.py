"""The system's libvirtd, `qemu:///system`, in file systems of its own: root's alone can run it."""

import os
import subprocess
from pathlib import Path

from tests.transports.over_libvirt import Libvirtd

# libvirt has these directories, and the user of its QEMUs, compiled in.
_SCRIPT = """
set -e
for d in /run/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt /etc/libvirt; do
    mkdir -p $d
    mount -t tmpfs none $d
done
for f in passwd group; do
    cp /etc/$f {there}/$f
done
echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>{there}/passwd
echo 'libvirt-qemu:x:64055:' >>{there}/group
for f in passwd group; do
    mount --bind {there}/$f /etc/$f
done
cp {there}/qemu.conf /etc/libvirt/
exec libvirtd --config {there}/libvirtd.conf --pid-file {there}/pid
"""

_QEMU_CONF = """
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
"""


class SystemLibvirtd(Libvirtd):
    """Runs as root, and starts its QEMUs as root."""

    def __init__(self) -> None:
        super().__init__()
        self.uri = f"qemu+unix:///system?socket={self.there}/run/libvirt-sock"
        with self.config.open("a") as config:
            # As where a group, and not polkit, says who may come in.
            config.write('unix_sock_group = "root"\nunix_sock_rw_perms = "0770"\n')
        (self.there / "qemu.conf").write_text(_QEMU_CONF)

    def give(self, path: Path) -> None:
        """It may use everything as it is."""

    def _command(self) -> list[str]:
        script = _SCRIPT.format(there=self.there)
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]


def can_run() -> bool:
    """Whether this user may mount file systems of its own."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0
