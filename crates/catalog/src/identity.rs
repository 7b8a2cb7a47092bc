//! Finds the model of the catalogue that files outside it say they are: by a name from their metadata or
//! their place, and only where their shape is that model's too, so that a changed model keeps its own name.
use crate::{Catalog, KvCache, ModelFacts};

/// Published counts are rounded, and some leave small parts out.
const PARAMS_TOLERANCE: f64 = 0.03;
/// Makers that repositories and converters write before a name.
const MAKERS: [&str; 3] = ["deepseekai", "unsloth", "bartowski"];

impl Catalog {
    /// `names` are what the files and their place call the model, the most trusted first.
    pub fn known_as(&self, names: &[String], cache: KvCache, params_total: u64) -> Option<&ModelFacts> {
        let near = |known: u64| (params_total as f64 / known as f64 - 1.0).abs() <= PARAMS_TOLERANCE;
        let same_shape = |model: &&ModelFacts| model.cache == cache && near(model.params_total);
        let alike: Vec<&ModelFacts> = self.models().iter().filter(same_shape).collect();
        names.iter().find_map(|name| alike.iter().find(|model| names_model(name, &model.id)).copied())
    }
}

/// Whether a name is that of a model: its letters and digits, perhaps after a maker and before a precision.
fn names_model(name: &str, id: &str) -> bool {
    let (name, id) = (plain(name), plain(id));
    let mut names = std::iter::once(name.as_str()).chain(MAKERS.iter().filter_map(|m| name.strip_prefix(m)));
    names.any(|name| name.strip_prefix(id.as_str()).is_some_and(is_precision))
}

fn plain(text: &str) -> String {
    text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Whether the rest of a name is nothing but a precision, such as "q4km", "udiq1s", "bf16" or "gguf".
fn is_precision(rest: &str) -> bool {
    let rest = rest.strip_prefix("gguf").unwrap_or(rest);
    let rest = rest.strip_prefix("ud").unwrap_or(rest);
    let digits_after = |prefix: &str| {
        rest.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    rest.is_empty()
        || ["q", "iq", "tq"].iter().any(|prefix| digits_after(prefix))
        || ["bf16", "f16", "f32", "fp8", "mxfp4"].contains(&rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_with_its_maker_and_its_precision_and_not_with_another_word() {
        let id = "deepseek-r1-distill-qwen-7b";
        for name in [
            "DeepSeek R1 Distill Qwen 7B",
            "deepseek-ai_DeepSeek-R1-Distill-Qwen-7B",
            "DeepSeek-R1-Distill-Qwen-7B-GGUF",
            "DeepSeek-R1-Distill-Qwen-7B-Q4_K_M",
            "DeepSeek-R1-Distill-Qwen-7B.Q8_0",
            "DeepSeek-R1-Distill-Qwen-7B-UD-IQ1_S",
        ] {
            assert!(names_model(name, id), "{name}");
        }
        for name in ["DeepSeek R1 Distill Qwen 7B abliterated", "R1", "", "my DeepSeek R1 Distill Qwen 7B"] {
            assert!(!names_model(name, id), "{name}");
        }
        assert!(!names_model("DeepSeek-R1-0528", "deepseek-r1"));
    }

    #[test]
    fn a_name_counts_only_with_the_shape_of_the_model() {
        let catalog = Catalog::builtin();
        let qwen = catalog.model("deepseek-r1-distill-qwen-7b").expect("is known");
        let names = ["a folder".to_owned(), "DeepSeek R1 Distill Qwen 7B".to_owned()];
        let found = |cache, params| catalog.known_as(&names, cache, params).map(|model| model.id.as_str());
        assert_eq!(found(qwen.cache, 7_615_616_512), Some("deepseek-r1-distill-qwen-7b"));
        assert_eq!(found(qwen.cache, 5_000_000_000), None);
        let llama = catalog.model("deepseek-r1-distill-llama-8b").expect("is known");
        assert_eq!(found(llama.cache, 7_615_616_512), None);
    }
}
