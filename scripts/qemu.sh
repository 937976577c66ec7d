#!/bin/sh
# Sets up other QEMUs beside the machine's own: the packages of Debian's releases, unpacked into a
# cache directory with all the libraries they need. Nothing is installed.
#
#   scripts/qemu.sh bullseye       prints the directory with the programs of bullseye's QEMU
#
# BLOCKDECK_QEMUS says where the cache is (build/qemu), BLOCKDECK_DEBIAN which mirror of Debian to
# use; without it, the one this machine's apt uses.
set -eu

cd "$(dirname "$0")/.."
readonly release=${1:?usage: scripts/qemu.sh RELEASE}
readonly cache=${BLOCKDECK_QEMUS:-$(pwd)/build/qemu}
readonly here=$cache/$release
readonly log=$cache/$release.log
readonly what=QEMU

# shellcheck source=scripts/debian.sh
. scripts/debian.sh

# A program that brings its own libraries, and is still called by its name.
wrap() {
    cat >"$here/bin/$1" <<END
#!/bin/bash
export QEMU_MODULE_DIR='$here/root/usr/lib/x86_64-linux-gnu/qemu'
exec -a "$1" '$loader' --library-path '$libraries' '$here/root/usr/bin/$1' $2 "\$@"
END
    chmod +x "$here/bin/$1"
}

wrap_programs() {
    loader=$(find "$here"/root/usr/lib*/x86_64-linux-gnu "$here"/root/lib*/x86_64-linux-gnu \
        -name 'ld-*.so*' -type f 2>/dev/null | head -n 1)
    [ -n "$loader" ] || die "its loader is not among the packages"
    libraries=$(find "$here/root/lib" "$here/root/usr/lib" -name '*.so*' -path '*x86_64-linux-gnu*' \
        -exec dirname {} + 2>/dev/null | sort -u | tr '\n' ':')
    firmware=''
    for place in qemu seabios ipxe; do
        [ -d "$here/root/usr/share/$place" ] && firmware="$firmware -L '$here/root/usr/share/$place'"
    done
    firmware="$firmware -L '$here/root/usr/lib/ipxe/qemu'"
    mkdir -p "$here/bin"
    wrap qemu-system-x86_64 "$firmware"
    wrap qemu-img ''
    wrap qemu-io ''
}

if [ ! -e "$here/ready" ]; then
    mkdir -p "$cache"
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || die "this needs apt-get and dpkg"
    rm -rf "$here"
    find_mirror
    set_up_apt
    {
        apt-get -q update && apt-get -q -y --download-only install qemu-system-x86 qemu-utils
    } >"$log" 2>&1 || die "apt cannot get it from the mirror ($(grep '^[EW]:' "$log" | head -n 1))"
    unpack >>"$log" 2>&1 || die "its packages cannot be unpacked (details: $log)"
    wrap_programs
    rm -rf "$here/apt"
    "$here/bin/qemu-system-x86_64" --version >>"$log" 2>&1 || die "it does not start (details: $log)"
    : >"$here/ready"
fi
echo "$here/bin"
