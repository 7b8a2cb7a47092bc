//! `make bench`: each way of being fast beside the plain way, in one sitting.
use anyhow::Result;

use crate::shell::{cmd, run};

pub fn bench() -> Result<()> {
    run(&mut cmd("cargo", "bench --package formats --bench rows"))?;
    run(&mut cmd("cargo", "bench --package engine"))
}
