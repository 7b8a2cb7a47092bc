//! `make bench`: each fast path beside the plain one, in one sitting. The benchmarks themselves are in the
//! crates they measure.
use anyhow::Result;
use xshell::{Shell, cmd};

use crate::kernels;

pub fn bench(sh: &Shell) -> Result<()> {
    kernels::embed(sh)?;
    cmd!(sh, "cargo bench --package formats --bench rows").run()?;
    cmd!(sh, "cargo bench --package engine").run()?;
    cmd!(sh, "cargo bench --package cuda").run()?;
    Ok(())
}
