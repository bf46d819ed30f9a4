# Two commands: `make demo` and `make test`. Each installs what is missing (scripts/setup.sh), builds and runs.
# `make help` lists the others. Logic lives in scripts/ and in Rust, not here.

SHELL := /bin/bash
.SHELLFLAGS := -e -u -o pipefail -c

# Build scripts look for cmake on the PATH; ours, if set-up had to install one, comes first.
export PATH := $(CURDIR)/.tools/bin:$(PATH):$(HOME)/.cargo/bin

# Where cargo builds: target/ here, unless told otherwise. On CI (CI=true) a folder outside the clone, so that
# the next fresh clone finds burn and SentencePiece built (docs/setup.md).
ifneq ($(strip $(GLOSSA_TARGET_DIR)),)
export CARGO_TARGET_DIR := $(GLOSSA_TARGET_DIR)
else ifeq ($(strip $(CARGO_TARGET_DIR)),)
ifeq ($(CI),true)
export CARGO_TARGET_DIR := $(or $(strip $(XDG_CACHE_HOME)),$(HOME)/.cache)/glossa/target
endif
endif
TARGET := $(or $(strip $(CARGO_TARGET_DIR)),target)
GLOSSA := $(TARGET)/release/glossa

# One profile and the whole workspace everywhere: another choice of packages could choose other features of a
# dependency, and build it a second time.
CARGO_FLAGS := --release --locked --workspace

# cudarc otherwise asks an installed toolkit for its version; 13.0 suits drivers from 580 on.
CUDARC_CUDA_VERSION ?= 13000

.DEFAULT_GOAL := help
.PHONY: help setup build demo test cuda cuda-check wgpu gpu-check basque zoo memcheck clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
		while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: ## install what a build needs and this machine lacks
	@scripts/setup.sh

build: setup ## the glossa command, in target/release/
	cargo build $(CARGO_FLAGS)

demo: build ## the whole pipeline on a built-in sample, in under three minutes
	"$(GLOSSA)" demo

test: ## format, lints, and every test; what CI runs
	@scripts/setup.sh test
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	cargo test $(CARGO_FLAGS)
	@echo "make test: format, lints and tests passed"

cuda: setup ## the glossa command with CUDA (needs no GPU and no CUDA to build)
	CUDARC_CUDA_VERSION=$(CUDARC_CUDA_VERSION) cargo build $(CARGO_FLAGS) --features glossa-cli/cuda

cuda-check: setup ## CUDA's kernels against the CPU's, without a GPU: a stand-in for the driver runs them here
	CUDARC_CUDA_VERSION=$(CUDARC_CUDA_VERSION) scripts/cuda-stand-in.sh

wgpu: setup ## the glossa command for GPUs of any maker, through Vulkan, Metal, DirectX or OpenGL
	cargo build $(CARGO_FLAGS) --features glossa-cli/wgpu

gpu-check: setup ## packs the check of GPUs (build/gpu-check.tar.gz), and runs it where there is a driver
	CUDARC_CUDA_VERSION=$(CUDARC_CUDA_VERSION) scripts/gpu-pack.sh

basque: build ## Basque from raw text to a scored classifier, in about 16 minutes
	GLOSSA="$(GLOSSA)" scripts/basque.sh

# The texts, and where run and release files go; WRITE=1 writes the entries to zoo/index.toml.
ZOO_DATA ?= ../shared/data
ZOO_OUT ?= build/zoo
zoo: build ## our own models for ten languages, bit for bit those of the index, in an hour or two
	cargo build $(CARGO_FLAGS) --example zoo_release
	GLOSSA="$(GLOSSA)" RELEASE="$(TARGET)/release/examples/zoo_release" WRITE="$(WRITE)" \
		scripts/zoo.sh "$(ZOO_DATA)" "$(ZOO_OUT)"

memcheck: setup ## the kernels under valgrind, which must be installed
	scripts/memcheck.sh

clean: ## remove target/ and build/; set-up's .tools/ and CI's cache stay
	rm -rf target build
