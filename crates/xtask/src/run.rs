//! `make run`: builds everything in release mode and opens the window, or the terminal chat where there is no display.
use std::process::Command;

use anyhow::Result;

use crate::setup;
use crate::shell::{cmd, root, run as call, target};

pub fn run() -> Result<()> {
    setup::build()?;
    build_release()?;
    let binaries = target().join("release");
    let display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
    let mut program = if display {
        Command::new(binaries.join("whaledeck"))
    } else {
        println!("no display here: the Guide model answers in this terminal instead (whaledeck-cli chat)");
        println!("这里没有显示器：改由内置模型在此终端中回答（whaledeck-cli chat）");
        let mut cli = Command::new(binaries.join("whaledeck-cli"));
        cli.arg("chat");
        cli
    };
    call(program.env("WHALEDECK_GUIDE", root().join("assets/guide-model")))
}

/// The window with the UI inside, the worker and the headless twin.
pub fn build_release() -> Result<()> {
    call(&mut setup::npm("run build"))?;
    call(&mut cmd("cargo", "build --release --package server --package cli"))?;
    call(&mut cmd("cargo", "build --release --package whaledeck --features custom-protocol"))
}

/// Writes the TypeScript that the test compares.
pub fn bindings() -> Result<()> {
    call(cmd("cargo", "test --package whaledeck --test it bindings").env("WHALEDECK_WRITE_BINDINGS", "1"))
}
