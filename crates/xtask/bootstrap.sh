#!/bin/sh
# Brings a fresh Debian or Ubuntu machine to the point where `cargo xtask` can take over: a C compiler and Rust.
set -eu
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
if ! command -v cc >/dev/null || ! command -v curl >/dev/null || ! command -v pkg-config >/dev/null; then
    as_root apt-get -o DPkg::Lock::Timeout=120 update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -q \
        build-essential curl ca-certificates pkg-config
fi
if ! command -v cargo >/dev/null && [ ! -x "$HOME/.cargo/bin/cargo" ]; then
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c rustfmt -c clippy
fi
