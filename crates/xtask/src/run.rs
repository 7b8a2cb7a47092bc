//! `make run`: builds everything in release mode and opens the window, or the terminal chat where there is no
//! display. `make bindings`: writes the TypeScript of the commands and the contract.
use anyhow::Result;
use xshell::{Shell, cmd};

use crate::shell::{root, target};
use crate::{kernels, setup};

pub fn run(sh: &Shell) -> Result<()> {
    setup::build(sh)?;
    kernels::embed_if_possible(sh)?;
    build_release(sh)?;
    let binaries = target().join("release");
    let display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let program = if display {
        let window = binaries.join("whaledeck");
        cmd!(sh, "{window}")
    } else {
        println!("no display here: the Guide model answers in this terminal instead (whaledeck-cli chat)");
        println!("这里没有显示器：改由内置模型在此终端中回答（whaledeck-cli chat）");
        let cli = binaries.join("whaledeck-cli");
        cmd!(sh, "{cli} chat")
    };
    program.env("WHALEDECK_GUIDE", root().join("assets/guide-model")).run()?;
    Ok(())
}

/// The window with the UI inside, the worker and the headless program.
pub fn build_release(sh: &Shell) -> Result<()> {
    setup::npm(sh, &["run", "build"])?;
    cmd!(sh, "cargo build --release --package server --package cli").run()?;
    cmd!(sh, "cargo build --release --package whaledeck --features custom-protocol").run()?;
    Ok(())
}

/// Writes the TypeScript that the test compares.
pub fn bindings(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo test --package whaledeck --test it bindings")
        .env("WHALEDECK_WRITE_BINDINGS", "1")
        .run()?;
    Ok(())
}
