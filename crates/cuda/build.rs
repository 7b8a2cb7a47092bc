//! Embeds the compiled kernels: the file that `WHALEDECK_KERNELS` names, made by `cargo xtask kernels`.
//! Without it the crate is built with none, and says so when it is asked for cards.
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=WHALEDECK_KERNELS");
    let embedded = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names it")).join("kernels.bin");
    match env::var_os("WHALEDECK_KERNELS").filter(|path| !path.is_empty()) {
        Some(path) => {
            println!("cargo:rerun-if-changed={}", path.display());
            let copied = fs::copy(&path, &embedded);
            copied.unwrap_or_else(|error| panic!("WHALEDECK_KERNELS={}: {error}", path.display()));
        }
        None => fs::write(&embedded, []).expect("OUT_DIR can be written"),
    }
}
