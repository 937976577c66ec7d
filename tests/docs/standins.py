"""Programs that stand in for those that cannot be run in a test, each by its name on the PATH.

Whatever a page tells to type is run as it stands there. These are found first; everything else,
above all `blockdeck`, `qemu-img`, `qemu-nbd` and `man`, is the real thing.
"""

import shlex
import sys
from pathlib import Path

from tests.docs.pages import CHECKOUT
from tests.packaging.installing import PROGRAMS

_PYTHON = shlex.quote(sys.executable)
_CHECKOUT = shlex.quote(str(CHECKOUT))

SCRIPTS = {
    # The checkout that is tested, and not what may be installed.
    "blockdeck": f'exec env PYTHONPATH={_CHECKOUT} {_PYTHON} -P -m tui "$@"',
    # Nobody is asked for a password here.
    "sudo": 'exec "$@"',
    # Nothing is installed on the machine: the names are looked at.
    "apt-get": f"""
[ "$1" = install ] && shift && [ $# -gt 0 ] || exit 2
for name; do
    case $name in
    # Named in no script of the project, for only who has Ceph needs it.
    qemu-block-extra) ;;
    # The script wants the headers of the very Python.
    python3-dev) ;;
    *) grep -q "want .*\\b$name" {_CHECKOUT}/scripts/setup.sh || exit 1 ;;
    esac
done""",
    # That what `make deb` makes is installed and runs, a test of its own shows.
    "apt": 'case "$*" in "install ./dist/blockdeck_"*.deb) ;; *) exit 2 ;; esac',
    # The real ones, in the checkout, which is where the pages have them typed.
    **{
        name: f'cd {_CHECKOUT} && exec {shlex.quote(str(path))} "$@"'
        for name, path in PROGRAMS.items()
    },
    # What would be done is printed; that it works, the start of these very tests has shown.
    "make": f'exec /usr/bin/make --no-print-directory --dry-run -C {_CHECKOUT} "$@"',
    # The host is the loopback, and the command there has this PATH.
    "ssh": """
tty=
[ "$1" = -t ] && tty=-tt && shift
[ "$1" = root@vm-host ] && shift
exec /usr/bin/ssh $tty -F "$HOME/.ssh/config" -o UserKnownHostsFile="$HOME/.ssh/known_hosts" \\
    -p "$SSH_PORT" "$(id -un)@127.0.0.1" \\
    env PATH="$PATH" XDG_STATE_HOME="$XDG_STATE_HOME" LC_ALL=C.UTF-8 "$@" """,
    # No libvirt knows the VM: it is ended as libvirt would end it.
    "virsh": '[ "$1" = shutdown ] && exec kill "$VM_PID"',
    # Proxmox's: it keeps the arguments, and starts a QEMU with them.
    "qm": """
case $1 in
set)
    case "$3 $4" in
    "--args -"*) echo "$4" >"$PLACE/qm.args" ;;
    "--delete args") rm "$PLACE/qm.args" ;;
    *) exit 2 ;;
    esac ;;
config) echo "args: $(cat "$PLACE/qm.args")" ;;
stop) [ -s "$PLACE/qm.args" ] ;;
start)
    qemu-img create -q -f qcow2 "$PLACE/100.qcow2" 16M || exit
    set -- -drive "if=none,id=drive-scsi0,format=qcow2,file=$PLACE/100.qcow2"
    exec qemu-system-x86_64 "$@" -machine none -nodefaults -display none -S -daemonize \\
        -pidfile "$PLACE/qm.pid" $(cat "$PLACE/qm.args") ;;
importdisk) exec qemu-img convert -O raw "$3" "$PLACE/imported" ;;
*) exit 2 ;;
esac""",
    # There is no Ceph: the image is one of NBD.
    "rbd": """
[ "$1 $2" = "create --size" ] && qemu-img create -q "$PLACE/rbd.raw" "$3" &&
    exec qemu-nbd --fork --persistent --format=raw --pid-file="$PLACE/rbd.pid" \\
        --socket="$PLACE/rbd.nbd" "$PLACE/rbd.raw" """,
}


def install(directory: Path) -> None:
    """Write them down."""
    directory.mkdir()
    for name, script in SCRIPTS.items():
        path = directory / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
