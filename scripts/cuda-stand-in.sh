#!/usr/bin/env bash
# Runs a program with CUDA on this processor: stand-ins for the driver and for NVRTC (scripts/cuda-stand-in) compile
# CubeCL's kernels with g++ and run them, tensor cores and barriers included. It shows what kernels compute, not how
# fast. Linux on x86-64 with AVX2.
#
#   cuda-stand-in.sh COMMAND [ARGUMENT]...
#
# Without a command: every operation and gradient against the CPU, by a build without tuning of matrix products, which
# would compile dozens of kernels for each shape. STAND_IN_PROCESSORS (8) is how many multiprocessors it claims,
# STAND_IN_ARCHITECTURE (80) its compute capability, STAND_IN_MEMORY its bytes, STAND_IN_DEVICES (1) how many it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=$PWD/build/cuda-stand-in
mkdir -p "$out"
ln -sfn "$PWD/scripts/cuda-stand-in/include" "$out/include"
build() { [[ "$out/$2" -nt "scripts/cuda-stand-in/$1" ]] || g++ -std=c++17 -O2 -Wall -Wextra -shared -fPIC "scripts/cuda-stand-in/$1" -o "$out/$2" -ldl; }
build driver.cpp libcuda.so.1
build compiler.cpp libnvrtc.so.13
ln -sfn libcuda.so.1 "$out/libcuda.so"
ln -sfn libnvrtc.so.13 "$out/libnvrtc.so"

export CUDARC_CUDA_VERSION=${CUDARC_CUDA_VERSION:-13000}
if [[ $# -eq 0 ]]; then
    cargo build --release --locked --workspace --bins --features glossa-nn/cuda
    set -- "${CARGO_TARGET_DIR:-target}/release/glossa" doctor --gradients --device cuda
fi
export CUDA_PATH=$out STAND_IN_CACHE=${STAND_IN_CACHE:-$out/kernels}
export LD_LIBRARY_PATH=$out${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
exec "$@"
