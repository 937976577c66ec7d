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

die() {
    printf 'blockdeck: QEMU of %s: %s\n' "$release" "$*" >&2
    exit 1
}

# The first mirror of the distribution itself that apt knows.
find_mirror() {
    mirror=${BLOCKDECK_DEBIAN:-}
    if [ -n "$mirror" ]; then return; fi
    mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian|Debian|//p' | head -n 1)
    [ -n "$mirror" ] || mirror=$(
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
            sed -n -e 's/^URIs: *\([^ ]*\/debian\/\{0,1\}\) *$/\1/p' \
                -e 's/^deb .*\(http[^ ]*\/debian\/\{0,1\}\) .*/\1/p' | head -n 1
    )
    [ -n "$mirror" ] || die "this machine's apt has no mirror of Debian; name one in BLOCKDECK_DEBIAN"
}

# An apt of our own: it shares with the machine's how to reach the network, and nothing else.
set_up_apt() {
    mkdir -p "$here/apt/lists/partial" "$here/apt/archives/partial" "$here/apt/none"
    : >"$here/apt/status"
    signed=''
    for keys in /usr/share/keyrings/debian-archive-keyring.gpg; do
        [ -r "$keys" ] && signed="[signed-by=$keys] "
    done
    echo "deb $signed$mirror $release main" >"$here/apt/sources.list"
    {
        apt-config dump | grep '^Acquire::http' || true
        cat <<END
Dir::Etc::Parts "$here/apt/none";
Dir::Etc::Main "$here/apt/no.conf";
Dir::Etc::SourceList "$here/apt/sources.list";
Dir::Etc::SourceParts "$here/apt/none";
Dir::Etc::Preferences "$here/apt/no.preferences";
Dir::Etc::PreferencesParts "$here/apt/none";
Dir::State "$here/apt";
Dir::State::Lists "$here/apt/lists";
Dir::State::Status "$here/apt/status";
Dir::Cache "$here/apt";
Dir::Cache::Archives "$here/apt/archives";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Retries "2";
END
    } >"$here/apt/apt.conf"
    export APT_CONFIG="$here/apt/apt.conf"
}

unpack() {
    for package in "$here"/apt/archives/*.deb; do
        dpkg -x "$package" "$here/root"
        rm "$package"
    done
}

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
