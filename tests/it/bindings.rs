//! The committed TypeScript equals the commands and the contract, their doc comments included.
//! With `WHALEDECK_WRITE_BINDINGS` set, as `make bindings` does, the file is written instead.

#[test]
fn committed_bindings_are_current() {
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/lib/ipc/bindings.ts");
    if std::env::var_os("WHALEDECK_WRITE_BINDINGS").is_some() {
        whaledeck_desktop::bindings::export(&committed).expect("the bindings are written");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fresh = folder.path().join("bindings.ts");
    whaledeck_desktop::bindings::export(&fresh).expect("the bindings are written");
    let read = |path| std::fs::read_to_string(path).expect("the bindings are readable");
    assert!(
        read(&committed) == read(&fresh),
        "ui/src/lib/ipc/bindings.ts is out of date: run `make bindings` and commit it"
    );
}
