//! `make bench`: each fast path beside the plain one, in one sitting. The benchmarks themselves are in the
//! crates they measure.
use anyhow::Result;
use xshell::{Shell, cmd};

pub fn bench(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo bench --package formats --bench rows").run()?;
    cmd!(sh, "cargo bench --package engine").run()?;
    Ok(())
}
