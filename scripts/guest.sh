#!/bin/sh
# Sets up a Linux guest for the tests: Debian's cloud kernel, and an initramfs of busybox and the
# QEMU guest agent. Nothing is installed, and nothing of it runs on this machine but busybox's cpio.
#
#   scripts/guest.sh               prints the directory with vmlinuz, initrd and bin/ (e2fsprogs)
#
# BLOCKDECK_GUEST says where the cache is (build/guest), BLOCKDECK_DEBIAN which mirror of Debian to
# use; without it, the one this machine's apt uses.
set -eu

cd "$(dirname "$0")/.."
readonly what='the Linux guest' release=bookworm
readonly cache=${BLOCKDECK_GUEST:-$(pwd)/build/guest}
readonly init=$(pwd)/tests/linux/init.sh
# What the guest is made by: a change of it makes the guest anew.
readonly version=$(cat "$0" "$init" scripts/debian.sh | cksum | tr ' ' '-')
readonly final=$cache/$version
readonly log=$cache/$version.log

# shellcheck source=scripts/debian.sh
. scripts/debian.sh

download() {
    apt-get -q update
    apt-get -q -y --download-only install busybox-static qemu-guest-agent e2fsprogs
    # The kernel alone: what it depends on would make an initramfs of its own.
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
    (cd "$here/apt/archives" && apt-get -q download "$kernel")
}

# Prints a module and all that it needs, those first.
module_files() {
    for module in "$@"; do
        line=$(grep "/$module\.ko[^:]*:" "$modules/modules.dep") || continue
        for file in $(echo "${line#*:}" | tr ' ' '\n' | tac) "${line%%:*}"; do echo "$file"; done
    done | awk '!seen[$0]++'
}

# The agent with its libraries where its loader finds them.
copy_agent() {
    loader=$(find "$here/root/lib64" "$here/root/usr/lib64" "$here/root/lib" -name 'ld-linux-x86-64.so.2' \
        2>/dev/null | head -n 1)
    [ -n "$loader" ] || die "its loader is not among the packages"
    libraries=$here/root/lib/x86_64-linux-gnu:$here/root/usr/lib/x86_64-linux-gnu
    mkdir -p "$tree/lib64" "$tree/lib"
    cp "$here/root/usr/sbin/qemu-ga" "$tree/bin/"
    "$loader" --library-path "$libraries" --list "$here/root/usr/sbin/qemu-ga" |
        sed -n 's/.* => \([^ ]*\) .*/\1/p' | while read -r library; do cp -L "$library" "$tree/lib/"; done
    cp -L "$loader" "$tree/lib64/ld-linux-x86-64.so.2"
}

make_initrd() {
    tree=$here/tree
    mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/run" "$tree/tmp" "$tree/mnt" \
        "$tree/modules" "$tree/etc" "$tree/var/run"
    busybox=$(find "$here/root/bin" "$here/root/usr/bin" -name busybox 2>/dev/null | head -n 1)
    cp "$busybox" "$tree/bin/"
    copy_agent
    modules=$(dirname "$(find "$here/root" -name modules.order)")
    # A .deb has no modules.dep yet.
    [ -s "$modules/modules.dep" ] || "$busybox" depmod -b "$here/root" "$(basename "$modules")"
    module_files virtio_pci virtio_blk virtio_console ext4 crc32c_generic |
        while read -r file; do
            cp "$modules/${file#"$modules/"}" "$tree/modules/"
            basename "$file"
        done >"$tree/modules/order"
    cp "$init" "$tree/init"
    chmod +x "$tree/init"
    (cd "$tree" && find . | "$busybox" cpio -o -H newc | gzip -1) >"$here/initrd"
    cp "$here"/root/boot/vmlinuz-* "$here/vmlinuz"
}

# Programs that bring their own libraries.
wrap_programs() {
    mkdir -p "$here/bin"
    for program in mkfs.ext4 e2fsck debugfs; do
        found=$(find "$here/root/sbin" "$here/root/usr/sbin" -name "$program" 2>/dev/null | head -n 1)
        cat >"$here/bin/$program" <<END
#!/bin/bash
root='$final/root'
exec -a $program "\$root/${loader#"$here/root/"}" \\
    --library-path "\$root/lib/x86_64-linux-gnu:\$root/usr/lib/x86_64-linux-gnu" \\
    "\$root/${found#"$here/root/"}" "\$@"
END
        chmod +x "$here/bin/$program"
    done
}

if [ ! -e "$final/ready" ]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || die "this needs apt-get and dpkg"
    mkdir -p "$cache"
    # Tests that run side by side make it once.
    exec 9>"$cache/lock"
    flock 9
fi
if [ ! -e "$final/ready" ]; then
    here=$cache/new
    rm -rf "$here" "$final"
    find_mirror
    set_up_apt
    download >"$log" 2>&1 || die "apt cannot get it from the mirror ($(grep '^[EW]:' "$log" | head -n 1))"
    unpack >>"$log" 2>&1 || die "its packages cannot be unpacked (details: $log)"
    make_initrd >>"$log" 2>&1 || die "its initramfs cannot be made (details: $log)"
    wrap_programs
    rm -rf "$here/apt" "$here/tree" "$here"/root/lib/modules "$here"/root/usr/lib/modules
    mv "$here" "$final"
    "$final/bin/mkfs.ext4" -V >>"$log" 2>&1 || die "its e2fsprogs do not start (details: $log)"
    : >"$final/ready"
fi
echo "$final"
