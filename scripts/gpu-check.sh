#!/usr/bin/env bash
# Checks and measures glossa on a GPU, in ten minutes at most, from the pack of scripts/gpu-pack.sh.
#
#   check.sh [DEVICE]        DEVICE: cuda, cuda:1, wgpu (default: cuda)
#
# First every operation and gradient against the CPU, then the small model of the demo trained on both, then speed.
# SMALL=1 measures models that software standing in for a GPU can run. Ends with 1 where something is wrong.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
device=${1:-cuda}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

program() {
    if [[ -x "$here/$1" ]]; then "$here/$1" "${@:2}"; else "${GLOSSA_PROGRAMS:-$here/../target/release}/$1" "${@:2}"; fi
}

echo "== this machine"
program glossa doctor || true
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader

echo "== every operation and gradient against the CPU"
program glossa doctor --gradients --device "$device"

echo "== the demo's model, trained on both"
perplexity() { tail -n 1 "$work/$1/language-model/metrics.jsonl" | grep -o '"perplexity":[0-9.]*' | cut -d : -f 2; }
for where in cpu "$device"; do
    if [[ -n "${SMALL:-}" ]]; then
        # One epoch of its language model: software that stands in for a GPU is slow.
        [[ "$where" != cpu ]] || program glossa demo -q --device cpu --out "$work/demo" > "$work/demo.txt"
        mkdir -p "$work/$where"
        program glossa lm pretrain -q --corpus "$work/demo/corpus" --tokenizer "$work/demo/tokenizer" --preset demo \
            --set pretrain.training.epochs=1 --device "$where" --out "$work/$where/language-model" > "$work/$where.txt"
    else
        program glossa demo -q --device "$where" --out "$work/$where" > "$work/$where.txt"
    fi
    echo "$where: validation perplexity $(perplexity "$where")"
done
awk -v cpu="$(perplexity cpu)" -v gpu="$(perplexity "$device")" 'BEGIN {
    apart = (gpu - cpu) / cpu; if (apart < 0) apart = -apart
    printf "apart: %.2f %%\n", 100 * apart; exit !(cpu > 1 && gpu > 1 && apart < 0.02) }'

echo "== speed"
measure() { program "$1" --device "$device" "${@:2}" | tee -a "$work/rows.txt"; }
if [[ -n "${SMALL:-}" ]]; then
    measure train_speed --arch qrnn --emb 64 --hid 96 --layers 2 --vocab 600 --bs 8 --steps 3
    measure encoder_speed --size small --docs 4 --fixed 64 --runs 1
else
    for batch in 128 256 512; do
        measure train_speed --arch qrnn --bs "$batch" --steps 20 --bf16
    done
    measure train_speed --arch qrnn --bs 128 --steps 20
    measure train_speed --arch lstm --bs 128 --steps 10 --bf16
    for flags in "--fixed 512" "--variable" "--fixed 512 --train" "--variable --train"; do
        # shellcheck disable=SC2086
        measure encoder_speed --size base --docs 128 --bs 32 --bf16 $flags
    done
fi

echo "== table (TFLOP/s in matrix products, and of square products at their best on this device)"
{ echo "row|model|batch|numbers|tokens/s|TFLOP/s|at best|share"; grep '^row|' "$work/rows.txt"; } |
    awk -F '|' '{ printf "%-28s %-14s %-8s %12s %9s %9s %7s\n", $2, $3, $4, $5, $6, $7, $8 }'
