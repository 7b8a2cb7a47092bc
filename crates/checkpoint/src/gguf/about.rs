//! What a GGUF file says of itself in its keys `general.*`: its name, the parts of the name, and the sampling
//! that its makers advise. Nothing here is checked against the weights.
use super::value::{Metadata, Value};

/// Longer texts are no names.
const MAX_NAME: usize = 96;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// `general.name`, where it is a name that a person would use.
    pub name: Option<String>,
    /// `general.basename`, `general.finetune` and `general.size_label` joined, as converters make file names.
    pub joined_names: Vec<String>,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
}

impl About {
    pub(super) fn read(general: &Metadata) -> Self {
        let text = |key: &str| match general.get(key) {
            Some(Value::Text(text)) => is_name(text).then(|| text.trim().to_owned()),
            _ => None,
        };
        let number = |key: &str, most: f32| match general.get(key) {
            Some(Value::Float(number)) => Some(*number as f32).filter(|number| (0.0..=most).contains(number)),
            _ => None,
        };
        let base = text("general.basename");
        let (tune, size) = (text("general.finetune"), text("general.size_label"));
        let orders = [vec![&base, &tune, &size], vec![&base, &size, &tune], vec![&base, &size], vec![&base]];
        let join = |parts: Vec<&Option<String>>| {
            let words: Option<Vec<&str>> = parts.into_iter().map(|part| part.as_deref()).collect();
            words.map(|words| words.join("-"))
        };
        Self {
            name: text("general.name"),
            joined_names: orders.into_iter().filter_map(join).collect(),
            temperature: number("general.sampling.temp", 2.0),
            top_p: number("general.sampling.top_p", 1.0),
        }
    }
}

/// Some converters wrote a folder, a dot or "model" there.
fn is_name(text: &str) -> bool {
    let text = text.trim();
    let letters = text.chars().filter(|letter| letter.is_alphanumeric()).count();
    let generic =
        ["model", "hub", "tmp", "output", "merged"].iter().any(|word| text.eq_ignore_ascii_case(word));
    letters >= 2
        && text.len() <= MAX_NAME
        && !generic
        && !text.contains(['/', '\\'])
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(pairs: &[(&str, &str)]) -> About {
        let pair = |(key, text): &(&str, &str)| ((*key).to_owned(), Value::Text((*text).to_owned()));
        About::read(&pairs.iter().map(pair).collect())
    }

    #[test]
    fn names_are_what_people_would_use() {
        // The keys of a published file.
        let said = about(&[
            ("general.name", "DeepSeek R1 Distill Qwen 7B"),
            ("general.basename", "DeepSeek-R1-Distill-Qwen"),
            ("general.size_label", "7B"),
        ]);
        assert_eq!(said.name.as_deref(), Some("DeepSeek R1 Distill Qwen 7B"));
        assert_eq!(said.joined_names, ["DeepSeek-R1-Distill-Qwen-7B", "DeepSeek-R1-Distill-Qwen"]);
        for strange in [".", "model", "/home/me/models/x", "a\nb", &"long ".repeat(40)] {
            assert_eq!(about(&[("general.name", strange)]).name, None, "{strange}");
        }
    }

    #[test]
    fn sampling_out_of_range_is_no_advice() {
        let with = |number: f64| {
            let key = "general.sampling.temp".to_owned();
            About::read(&[(key, Value::Float(number))].into_iter().collect()).temperature
        };
        assert_eq!((with(0.6), with(9.0)), (Some(0.6), None));
    }
}
