//! Repositories as their makers lay them out, of small random models that answer: eight precisions with a
//! vision projector, DeepSeek-R1 as shards in a folder for each precision, one behind a gate, and one whose
//! file does not have the announced hash. Both hubs serve them.

use std::io;
use std::path::Path;

use crate::{Fault, FaultTarget, TestGguf, TestHub};

/// The names of the repositories.
pub const EIGHT_PRECISIONS: &str = "makers/coder-GGUF";
pub const R1_SHARDS: &str = "makers/DeepSeek-R1-GGUF";
pub const GATED: &str = "makers/gated-GGUF";
pub const WRONG_HASH: &str = "makers/damaged-GGUF";
/// Opens the gate at Hugging Face.
pub const GATE_TOKEN: &str = "granted";

const CODER: &str = "worker/coder.gguf";
const R1: &str = "gguf/deepseek_v3/f32.gguf";
/// Far behind the header, which is read before the weights.
const WRONG_BYTE: usize = 700_000;

impl TestHub {
    /// A hub with all of them. `fixtures` is the folder `tests/fixtures`.
    ///
    /// # Errors
    /// When a fixture cannot be read or no port is free.
    pub async fn published(fixtures: &Path) -> io::Result<Self> {
        let read = |name: &str| std::fs::read(fixtures.join(name)).map(|bytes| TestGguf::read(&bytes));
        let coder = read(CODER)?;
        let r1 = read(R1)?.with_tokenizer_of(&coder);
        let hub = Self::start(&[]).await?;
        let single = |name: &str| (format!("Coder-{name}.gguf"), coder.write());
        let mut all: Vec<_> = ["Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"].map(single).into();
        for (name, count) in [("BF16", 3), ("UD-Q4_K_XL", 2)] {
            all.extend(shards(&coder, name, &format!("Coder-{name}"), count));
        }
        all.push(("mmproj-F16.gguf".into(), coder.clone().with_text("general.architecture", "clip").write()));
        hub.add(EIGHT_PRECISIONS, all);
        let r1_shards = [("UD-IQ1_S", 3), ("Q4_K_M", 5)].into_iter().flat_map(|(name, count)| {
            let stem = format!("DeepSeek-R1-{name}");
            shards(&r1, &stem, &stem, count)
        });
        hub.add(R1_SHARDS, r1_shards);
        // Of other content, so that one is not found in the place of another.
        let named = |name: &str| coder.clone().with_text("general.name", name).write();
        hub.add(GATED, [("Gated-Q8_0.gguf".to_owned(), named("Gated"))]);
        hub.gate(GATED, GATE_TOKEN);
        let damaged = "Damaged-Q8_0.gguf";
        hub.add(WRONG_HASH, [(damaged.to_owned(), named("Damaged"))]);
        hub.inject(Fault::wrong_byte(FaultTarget::File(damaged.into()), WRONG_BYTE).always());
        Ok(hub)
    }
}

/// The shards of a model in a folder.
fn shards(model: &TestGguf, folder: &str, stem: &str, count: usize) -> Vec<(String, Vec<u8>)> {
    let named = |(at, shard)| (format!("{folder}/{stem}-{:05}-of-{count:05}.gguf", at + 1), shard);
    model.split(count).into_iter().enumerate().map(named).collect()
}
