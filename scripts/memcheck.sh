#!/usr/bin/env bash
# The kernels under valgrind: no read or write outside of what was allocated, no decision on memory that was
# never written. Miri cannot run them (they call faer's assembly), and the address sanitizer needs a nightly
# compiler. Valgrind knows no AVX-512, so this is the AVX2 build of each kernel; the test
# `every_level_gives_the_same_bits` ties the others to it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v valgrind >/dev/null || { echo "valgrind is missing (Debian: apt-get install valgrind)" >&2; exit 1; }
program="$(cargo test --release --locked --workspace --lib --no-run --message-format=json 2>/dev/null |
    grep -o '"executable":"[^"]*glossa_nn-[^"]*"' | cut -d '"' -f 4 | tail -n 1)"
[[ -x "$program" ]] || { echo "the tests of toolkit/nn were not built: run \`make test\` first" >&2; exit 1; }
RAYON_NUM_THREADS=2 valgrind --quiet --error-exitcode=1 --errors-for-leak-kinds=none "$program" "$@"
