//! `make dist`: a Debian package. An AppImage needs tools that are fetched at build time; a release machine makes it.
use anyhow::Result;

use crate::shell::{root, run, target};
use crate::{run as app, setup};

pub fn dist() -> Result<()> {
    setup::build()?;
    app::build_release()?;
    // Only packaging needs Tauri's command line, so it is fetched here and not by every `npm ci`.
    let tauri =
        "exec --yes --package @tauri-apps/cli@2.12.5 -- tauri build --bundles deb --features custom-protocol";
    run(setup::npm(tauri).current_dir(root()))?;
    println!("packages lie in {}", target().join("release/bundle").display());
    Ok(())
}
