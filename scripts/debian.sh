# Debian's packages for those who source this, unpacked beside the machine's own; nothing is installed.
#
# Set before: `release`, and `here`, a directory of the caller's own. BLOCKDECK_DEBIAN says which
# mirror of Debian to use; without it, the one this machine's apt uses.
# shellcheck shell=sh

die() {
    printf 'blockdeck: %s of %s: %s\n' "$what" "$release" "$*" >&2
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
