#!/bin/sh
# Install a part of Batwa on Debian or what is made of it, from packages that `make deb` has built.
#
#   sh install.sh hub|agent|client [--from DIRECTORY|URL] [--version VERSION] [--join TOKEN]
#
# --from     where the packages are: a directory (this script's own, or ../dist, by default) or an address
# --version  which; needed with an address. In a directory, the newest
# --join     agent only: the token that `batwa agent add` printed
set -eu

say() { printf '%s\n' "$*"; }
fail() { say "install.sh: $*" >&2; exit 1; }

part=${1:-}
case "$part" in
hub) package=batwa-hub ;;
agent) package=batwa-agent ;;
client) package=batwa ;;
*) fail "say what to install: hub, agent or client" ;;
esac
shift

here=$(cd "$(dirname "$0")" && pwd)
from='' version='' token=''
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 needs a value"
    case "$1" in
    --from) from=$2 ;;
    --version) version=$2 ;;
    --join) token=$2 ;;
    *) fail "unknown option $1" ;;
    esac
    shift 2
done
[ -z "$token" ] || [ "$part" = agent ] || fail "--join is for the agent"
[ "$(id -u)" = 0 ] || fail "run it as root: sudo sh $0 ..."
command -v apt-get >/dev/null || fail "no apt here: see docs/install.md for wheels"
architecture=$(dpkg --print-architecture)

newest() { # of the packages in directory $1
    for file in "$1/${package}_"*"_$architecture.deb"; do
        if [ -f "$file" ]; then dpkg-deb --show --showformat='${Version} ' "$file" && say "$file"; fi
    done | while read -r number file; do
        if [ -z "${best:-}" ] || dpkg --compare-versions "$number" gt "$best"; then best=$number; say "$file"; fi
    done | tail -n 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch" # apt reads it as a user of its own
case "$from" in
http://* | https://*)
    [ -n "$version" ] || fail "--version is needed with an address"
    file=$scratch/$package.deb
    url=${from%/}/${package}_${version}_$architecture.deb
    if command -v curl >/dev/null; then curl -fsSL -o "$file" "$url"; else wget -qO "$file" "$url"; fi ||
        fail "$url cannot be fetched"
    ;;
*)
    directory=${from:-$here}
    [ -n "$from" ] || [ -n "$(newest "$directory")" ] || directory=$here/../dist
    if [ -n "$version" ]; then found=$directory/${package}_${version}_$architecture.deb; else found=$(newest "$directory"); fi
    [ -f "$found" ] || fail "$directory has no $package package for $architecture: make deb"
    file=$scratch/$package.deb
    cp "$found" "$file"
    ;;
esac
chmod 644 "$file"

DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    -o Dpkg::Options::=--force-confold "$file"

case "$part" in
hub) batwa-hub setup-link || true ;; # nothing to set up where a password was given beforehand
agent) if [ -n "$token" ]; then batwa-agent join "$token"; else say "Next: batwa-agent join TOKEN"; fi ;;
client) say "Next: batwa login http://HUB:8000 --user admin" ;;
esac
