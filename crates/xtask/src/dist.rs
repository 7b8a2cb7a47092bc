//! `make dist`: a Debian package. An AppImage needs tools that are fetched at build time; a release machine makes it.
use anyhow::Result;

use crate::shell::{root, run, target};
use crate::{run as app, setup};

pub fn dist() -> Result<()> {
    setup::build()?;
    app::build_release()?;
    let mut tauri = std::process::Command::new(root().join("ui/node_modules/.bin/tauri"));
    run(tauri.args(["build", "--bundles", "deb", "--features", "custom-protocol"]))?;
    println!("packages lie in {}", target().join("release/bundle").display());
    Ok(())
}
