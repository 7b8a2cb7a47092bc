//! `make bench`: first-token time and decode rate of the Guide model, printed beside the floor they are held to.
use anyhow::Result;

use crate::shell::{cmd, run};

pub fn bench() -> Result<()> {
    run(&mut cmd("cargo", "bench --package engine"))
}
