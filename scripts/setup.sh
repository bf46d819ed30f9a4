#!/usr/bin/env bash
# What a fresh machine lacks, installed without asking and without root where that is possible.
#
#   scripts/setup.sh          what a build needs: cargo, a C++ compiler, cmake
#   scripts/setup.sh test     the same, and rustfmt and clippy
#
# Only cmake is ever installed (SentencePiece is C++ and its build asks for it). The routes, in this order:
#   pip   into .tools/, 110 MB: the system stays as it was, no root, about 5 s
#   apt   Debian and Ubuntu, as root or through a sudo that asks nothing: about 10 s, 14 s with stale lists
#   brew  Homebrew
# GLOSSA_CMAKE_ROUTES="apt pip" changes the order. Running it again costs nothing when all is there.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
oldest_cmake="3.5"
tools="$PWD/.tools"
reasons=""

say() { printf 'set-up: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }
fail() {
    say "$1"
    if (($# > 1)); then printf '  %s\n' "${@:2}" >&2; fi
    exit 1
}

# Runs a command under a time limit, quietly; macOS has no `timeout`.
limited() {
    local seconds="$1"
    shift
    if has timeout; then timeout "$seconds" "$@" </dev/null; else "$@" </dev/null; fi
}

# Does this cmake run, and is it new enough?
usable() {
    local found
    found="$("$1" --version 2>/dev/null </dev/null)" || return 1
    [[ "$found" =~ ([0-9]+)\.([0-9]+) ]] || return 1
    local major="${BASH_REMATCH[1]}" minor="${BASH_REMATCH[2]}"
    ((major > ${oldest_cmake%.*} || (major == ${oldest_cmake%.*} && minor >= ${oldest_cmake#*.})))
}

have_cmake() {
    if [[ -x "$tools/bin/cmake" ]] && usable "$tools/bin/cmake"; then return 0; fi
    has cmake && usable cmake
}

# A virtual environment beside the sources. `.tools/bin/cmake` points at the program itself, not at
# Python's wrapper, so that it starts at once. Made under another name first: a broken one is never seen.
route_pip() {
    has python3 || { echo "python3 is not here"; return 1; }
    mkdir -p "$tools"
    local new
    new="$(mktemp -d "$tools/new-XXXXXX")"
    if ! limited 60 python3 -m venv "$new" >"$new.log" 2>&1; then
        rm -rf "$new" "$new.log"
        echo "python3 cannot make a virtual environment (Debian: the package python3-venv)"
        return 1
    fi
    if ! limited 300 "$new/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --retries 1 --timeout 20 --only-binary :all: 'cmake>=3.18,<5' >"$new.log" 2>&1; then
        tail -n 1 "$new.log" | cut -c 1-200
        rm -rf "$new" "$new.log"
        return 1
    fi
    rm -rf "$new.log" "$tools/cmake"
    mv "$new" "$tools/cmake"
    local program
    program="$(cd "$tools" && ls -d cmake/lib*/python3*/site-packages/cmake/data/bin/cmake \
        cmake/lib*/python3*/site-packages/cmake/data/CMake.app/Contents/bin/cmake 2>/dev/null | head -n 1)" || true
    [[ -n "$program" ]] || { echo "pip installed a cmake without a program"; return 1; }
    mkdir -p "$tools/bin"
    ln -sfn "../$program" "$tools/bin/cmake"
}

route_apt() {
    has apt-get || { echo "apt-get is not here"; return 1; }
    local root=()
    if [[ "$(id -u)" != 0 ]]; then
        { has sudo && sudo -n true 2>/dev/null; } || { echo "neither root nor a sudo without password"; return 1; }
        root=(sudo -n)
    fi
    local install=(${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=60 cmake)
    if limited 300 "${install[@]}" >/dev/null 2>&1; then return 0; fi
    # The lists may be old, or absent as in a container.
    limited 120 ${root[@]+"${root[@]}"} apt-get update -qq >/dev/null 2>&1 || true
    limited 300 "${install[@]}" 2>&1 >/dev/null | tail -n 1 | cut -c 1-200 || true
    has cmake
}

route_brew() {
    has brew || { echo "brew is not here"; return 1; }
    HOMEBREW_NO_AUTO_UPDATE=1 limited 600 brew install --quiet cmake 2>&1 >/dev/null | tail -n 1 || true
    has cmake
}

install_cmake() {
    local route why
    for route in ${GLOSSA_CMAKE_ROUTES:-pip apt brew}; do
        case "$route" in pip | apt | brew) ;; *) fail "GLOSSA_CMAKE_ROUTES knows pip, apt and brew, not \`$route\`" ;; esac
        say "cmake is missing; trying $route"
        if why="$("route_$route")"; then
            hash -r
            if have_cmake; then say "cmake installed through $route"; return 0; fi
            why="${why:-it installed no cmake >= $oldest_cmake}"
        fi
        reasons+="${reasons:+$'\n'}$route: ${why:-failed}"
    done
    return 1
}

has cargo || fail "Rust is missing (cargo is not on the PATH)" \
    "install it from https://rustup.rs, open a new shell, and run this again"
has c++ || has g++ || has clang++ || fail "a C++ compiler is missing (g++ or clang++)" \
    "Debian, Ubuntu: sudo apt-get install g++" "macOS: xcode-select --install"

if ! have_cmake && ! install_cmake; then
    lines=()
    while IFS= read -r line; do lines+=("$line"); done <<<"$reasons"
    fail "cmake $oldest_cmake or newer is missing, and no way to install it worked:" "${lines[@]}" \
        "install it yourself, then run this again:" "  Debian, Ubuntu: sudo apt-get install cmake" \
        "  Fedora: sudo dnf install cmake" "  macOS: brew install cmake" "  with Python: python3 -m pip install --user cmake"
fi

if [[ "${1:-}" == test ]]; then
    for part in fmt clippy; do
        name="${part/#fmt/rustfmt}"
        if ! cargo "$part" --version >/dev/null 2>&1; then
            has rustup && limited 300 rustup component add "$name" >/dev/null 2>&1 ||
                fail "$name is missing" "rustup component add $name"
        fi
    done
fi
