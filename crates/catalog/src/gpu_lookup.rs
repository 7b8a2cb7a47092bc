//! The GPU of the catalogue with a name that a person wrote, such as "H100-80G" or "RTX 4090".
//! Case, spaces, the vendor and the unit of the size make no difference.
use crate::{Catalog, GpuSpec};

impl Catalog {
    /// Looks up a GPU by a name such as "H100", "h100-80g", "RTX 4090" or "A100-40G".
    pub fn gpu(&self, text: &str) -> Option<&GpuSpec> {
        let query = normalize(text);
        let by_label = |gpu: &&GpuSpec| normalize(&gpu.label()) == query;
        let by_name = |gpu: &&GpuSpec| normalize(&gpu.name) == query;
        let by_alias = |gpu: &&GpuSpec| gpu.aliases.iter().any(|alias| normalize(alias) == query);
        let find = |by: &dyn Fn(&&GpuSpec) -> bool| self.gpus().iter().find(|gpu| by(gpu));
        find(&by_label).or_else(|| find(&by_name)).or_else(|| find(&by_alias))
    }
}

/// Upper-case letters and digits, without the vendor and the unit after a size.
fn normalize(text: &str) -> String {
    let upper = text.to_uppercase();
    let kept: String = upper.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    let kept = kept.trim_start_matches("NVIDIA").trim_start_matches("AMD").trim_start_matches("TESLA");
    let sized =
        kept.strip_suffix("GIB").or_else(|| kept.strip_suffix("GB")).or_else(|| kept.strip_suffix('G'));
    sized.unwrap_or(kept).to_owned()
}
