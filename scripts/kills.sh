#!/usr/bin/env bash
# Kills a training of 300 steps with SIGKILL at random moments, 200 times unless told otherwise, and compares what
# each run ends in with what an undisturbed one does, byte by byte.
#
#   scripts/kills.sh [KILLS]
set -euo pipefail
cd "$(dirname "$0")/.."
GLOSSA_KILLS=${1:-200} cargo test --release --locked --workspace --test interruptions -- --nocapture kill_9
