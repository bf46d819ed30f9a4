#!/usr/bin/env bash
# Packs what a machine with an NVIDIA GPU needs for scripts/gpu-check.sh, and nothing else: the stripped release
# programs with CUDA and the check itself. That machine needs no Rust and no network, but a driver, NVRTC and the
# CUDA headers. Where this machine has a driver, the check runs here too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
pack=build/gpu-check
most=$((60 * 1024 * 1024))

cargo build --release --locked --workspace --bins --examples --features glossa-cli/cuda

rm -rf "$pack" "$pack.tar.gz"
mkdir -p "$pack"
cp scripts/gpu-check.sh "$pack/check.sh"
for program in glossa examples/train_speed examples/encoder_speed; do
    strip --strip-all -o "$pack/$(basename "$program")" "$target/release/$program"
done
tar -C build -czf "$pack.tar.gz" gpu-check
size=$(stat -c %s "$pack.tar.gz")
echo "packed: $pack.tar.gz, $((size / 1024)) KiB"
if ((size > most)); then
    echo "error: the pack is larger than 60 MiB" >&2
    exit 1
fi
if ldconfig -p 2>/dev/null | grep -q 'libcuda\.so\.1'; then
    "$pack/check.sh"
else
    echo "no NVIDIA driver is here: unpack it on a machine with one and run gpu-check/check.sh there"
fi
