//! Tauri's build step, told where the capabilities lie: the package is at the root, the host in src-tauri.
fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    tauri_build::try_build(
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*"),
    )
    .expect("the Tauri configuration is valid");
}
