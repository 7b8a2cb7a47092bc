//! Tauri's build step. The package is at the root and the host in src-tauri, so the path of the capabilities
//! is set here.
fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    tauri_build::try_build(
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*"),
    )
    .expect("the Tauri configuration is valid");
}
