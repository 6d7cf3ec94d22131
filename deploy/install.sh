#!/bin/sh
# Install a part of Batwa on Debian or what is made of it, from packages that `make deb` has built.
#
#   sh install.sh hub|agent|client [--from DIRECTORY|URL] [--version VERSION] [--join TOKEN]
#
# --from     where the packages are: a directory (this script's own, or ../dist, by default) or an address, with
#            SHA256SUMS beside them. A package that is not what its sum says is not installed. That finds what was
#            damaged on its way; whom to believe is a matter of the address: take https.
# --version  which; else the newest
# --join     agent only: the token that `batwa agent add` printed
set -eu

say() { printf '%s\n' "$*"; }
fail() { say "install.sh: $*" >&2; exit 1; }

# Put file $1 of the address into the scratch directory. Every apt has this helper; few Debians have curl.
fetch() {
    /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root download-file "${from%/}/$1" "$scratch/$1" ||
        fail "${from%/}/$1 cannot be fetched"
}

# Tell which of the names on standard input is the package to install.
wanted() {
    best='' best_number=''
    while read -r name; do
        case "$name" in
        */*) continue ;;
        "${package}_"${version:-*}"_$architecture.deb") ;;
        *) continue ;;
        esac
        number=${name#"${package}_"}
        number=${number%_*}
        if [ -z "$best" ] || dpkg --compare-versions "$number" gt "$best_number"; then
            best=$name best_number=$number
        fi
    done
    say "$best"
}

main() {
    part=${1:-} from='' version='' token=''
    case "$part" in
    hub) package=batwa-hub ;;
    agent) package=batwa-agent ;;
    client) package=batwa ;;
    *) fail "say what to install: hub, agent or client" ;;
    esac
    shift
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
    here=$(cd "$(dirname "$0")" && pwd)

    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    chmod 755 "$scratch" # apt reads it as a user of its own
    case "$from" in
    http://* | https://*)
        fetch SHA256SUMS
        file=$(sed 's/^[0-9a-f]* [ *]//' "$scratch/SHA256SUMS" | wanted)
        [ -n "$file" ] || fail "$from has no $package package${version:+ $version} for $architecture"
        fetch "$file"
        ;;
    *)
        directory=${from:-$here}
        [ -n "$from" ] || [ -n "$(ls "$directory" | wanted)" ] || directory=$here/../dist
        [ -d "$directory" ] || fail "there is no directory $directory"
        file=$(ls "$directory" | wanted)
        [ -n "$file" ] || fail "$directory has no $package package${version:+ $version} for $architecture: make deb"
        cp "$directory/$file" "$scratch"
        [ ! -f "$directory/SHA256SUMS" ] || cp "$directory/SHA256SUMS" "$scratch"
        ;;
    esac
    if [ -f "$scratch/SHA256SUMS" ]; then
        sum=$(sha256sum "$scratch/$file" | cut -d ' ' -f 1)
        grep -qxF -e "$sum  $file" -e "$sum *$file" "$scratch/SHA256SUMS" ||
            fail "$file is not what SHA256SUMS says: damaged on its way, or half copied. Nothing was installed"
    fi
    chmod 644 "$scratch/$file"

    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        -o Dpkg::Options::=--force-confold "$scratch/$file"

    case "$part" in
    hub) batwa-hub setup-link || true ;; # nothing to set up where a password was given beforehand
    agent) if [ -n "$token" ]; then batwa-agent join "$token"; else say "Next: batwa-agent join TOKEN"; fi ;;
    client) say "Next: batwa login http://HUB:8000 --user admin" ;;
    esac
}

# The last line begins it: half of this script, as a broken pipe leaves it, does nothing.
main "$@" </dev/null
