//! Every file of fuzz/corpus goes through its fuzz target once more, without a fuzzer.
//! It includes the targets' source and so needs no nightly compiler; new files come from `cargo fuzz`.
#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

use std::path::Path;

#[test]
fn the_corpus_is_read_without_a_panic() {
    for (name, target) in fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
        let files = std::fs::read_dir(&folder).expect("each target has a corpus");
        let outcomes: Vec<bool> = files
            .map(|file| target(&std::fs::read(file.expect("an entry").path()).expect("it is read")).is_ok())
            .collect();
        assert!(
            outcomes.contains(&true),
            "{name}: none is sound, so nothing behind the first check was reached"
        );
    }
}
