//! The beginning of a published file, which `make test` fetches: DeepSeek-R1-Distill-Qwen-7B, Q4_K_M. Its
//! header is whole, so it opens once the file is as long as the header says.
use std::fs::File;
use std::path::Path;

use checkpoint::TokenizerSource;
use serde_json::Value;

/// More than the whole file has. What lies behind the end is a hole, which takes no room on the disk.
const LENGTH: u64 = 5 << 30;

/// The source of its tokenizer and template, and what Python makes of them; `None` if it was not fetched.
pub fn r1_distill() -> Option<(TokenizerSource, Value)> {
    let Some(part) = std::env::var_os("WHALEDECK_R1_DISTILL_HEAD").filter(|it| !it.is_empty()) else {
        println!("not run: the published file is not there; `make test` fetches it");
        return None;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.gguf");
    std::fs::copy(part, &path).expect("copied");
    File::options().write(true).open(&path).and_then(|file| file.set_len(LENGTH)).expect("lengthened");
    let checkpoint = checkpoint::open(&path).expect("a whole header");
    let golden =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/text/r1_distill_file.golden.json");
    let golden = serde_json::from_slice(&std::fs::read(golden).expect("read")).expect("it is JSON");
    Some((checkpoint.tokenizer, golden))
}
