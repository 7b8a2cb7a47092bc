//! The services that can be chosen by name and what is particular about each, read from `assets/cloud/providers.toml`.
//! Knows no network.
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::ChatRequest;

const FILE: &str = include_str!("../../../assets/cloud/providers.toml");

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Provider {
    pub id: String,
    pub name: Names,
    /// With `{…}` where only the person knows the part.
    pub address: String,
    /// Empty where there is none.
    pub key_page: String,
    #[serde(flatten)]
    pub dialect: Dialect,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Names {
    pub en: String,
    pub zh: String,
}

/// How a service differs from the protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Dialect {
    #[serde(default)]
    pub auth: Auth,
    /// Values beyond the protocol's own that the service uses; the others are not sent.
    #[serde(default)]
    pub keeps: Vec<Extra>,
    /// Values of the protocol that the service takes and does not use.
    #[serde(default)]
    pub ignores: Vec<String>,
    /// Those that it does not use while the model thinks.
    #[serde(default)]
    pub ignores_while_thinking: Vec<String>,
    /// How thinking is switched; absent where it cannot be.
    pub thinking: Option<Switch>,
    pub continues: Option<Continues>,
    #[serde(default = "yes")]
    pub lists: bool,
    /// Counts come with every piece of an answer when they are asked for.
    #[serde(default)]
    pub continuous_usage: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    #[default]
    Bearer,
    ApiKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    TopK,
    MinP,
    RepetitionPenalty,
    Seed,
}

/// The words in which a service is told whether to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// `thinking: {type: enabled | disabled}`.
    Thinking,
    EnableThinking,
    /// OpenRouter's `reasoning: {enabled}`.
    Reasoning,
    /// `chat_template_kwargs`, for servers that fill in the model's own template. DeepSeek's templates know `thinking`, Qwen's
    /// `enable_thinking`; each passes over the other.
    Template,
}

/// How an answer that was cut off is gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Continues {
    /// As our own worker: `prefix` on the last message.
    Prefix,
    /// The same under DeepSeek's `/beta`.
    Beta,
    Partial,
}

impl Extra {
    fn name(self) -> &'static str {
        match self {
            Self::TopK => "top_k",
            Self::MinP => "min_p",
            Self::RepetitionPenalty => "repetition_penalty",
            Self::Seed => "seed",
        }
    }
}

impl Dialect {
    /// Of our own worker: everything is known and used.
    pub fn own() -> Self {
        use strum::VariantArray;
        Self {
            keeps: Extra::VARIANTS.to_vec(),
            thinking: Some(Switch::Template),
            continues: Some(Continues::Prefix),
            lists: true,
            continuous_usage: true,
            ..Self::default()
        }
    }

    /// Of SGLang, vLLM, llama-server and ollama: all is known, and answers are only begun, not gone on with.
    pub fn engine() -> Self {
        Self { continues: None, continuous_usage: false, ..Self::own() }
    }

    /// Names of values that change nothing here, so that they can be shown as such.
    pub fn unused(&self) -> Vec<String> {
        use strum::VariantArray;
        let left_out = Extra::VARIANTS.iter().filter(|extra| !self.keeps.contains(extra));
        let no_switch = self.thinking.is_none().then(|| "thinking".to_owned());
        let left_out = left_out.map(|extra| extra.name().to_owned());
        self.ignores.iter().cloned().chain(left_out).chain(no_switch).collect()
    }

    /// Nothing where the person left it to the model, or the service has no such switch.
    pub(crate) fn switch(&self, thinks: Option<bool>) -> serde_json::Map<String, Value> {
        let (Some(switch), Some(on)) = (self.thinking, thinks) else { return serde_json::Map::new() };
        let (name, value) = match switch {
            Switch::Thinking => ("thinking", json!({ "type": if on { "enabled" } else { "disabled" } })),
            Switch::EnableThinking => ("enable_thinking", json!(on)),
            Switch::Reasoning => ("reasoning", json!({ "enabled": on })),
            Switch::Template => ("chat_template_kwargs", json!({ "thinking": on, "enable_thinking": on })),
        };
        [(name.to_owned(), value)].into_iter().collect()
    }

    /// The request in this dialect. Thinking is sent back only where it is demanded: inside a turn with tool calls, and
    /// as the beginning of the answer that is gone on with.
    pub(crate) fn spoken(&self, request: &ChatRequest) -> ChatRequest {
        let mut spoken = request.clone();
        let unknown = |extra| !self.keeps.contains(&extra);
        if unknown(Extra::TopK) {
            spoken.top_k = None;
        }
        if unknown(Extra::MinP) {
            spoken.min_p = None;
        }
        // 1 changes nothing, and a strict service refuses what it does not know.
        if unknown(Extra::RepetitionPenalty)
            || (self != &Self::own() && spoken.repetition_penalty == Some(1.0))
        {
            spoken.repetition_penalty = None;
        }
        if unknown(Extra::Seed) {
            spoken.seed = None;
        }
        for message in &mut spoken.messages {
            if !message.prefix && message.tool_calls.is_empty() {
                message.reasoning_content.clear();
            }
            if message.prefix && self.continues == Some(Continues::Partial) {
                (message.prefix, message.partial) = (false, true);
            }
        }
        spoken
    }
}

/// Every service, DeepSeek's own first and the one without a name last.
pub fn providers() -> &'static [Provider] {
    #[derive(Deserialize)]
    struct File {
        provider: Vec<Provider>,
    }
    static LIST: OnceLock<Vec<Provider>> = OnceLock::new();
    LIST.get_or_init(|| toml::from_str::<File>(FILE).expect("a test reads this file").provider)
}

pub fn provider(id: &str) -> Option<&'static Provider> {
    providers().iter().find(|provider| provider.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Message};

    #[test]
    fn every_service_of_the_file_can_be_reached() {
        assert_eq!(providers().len(), 13);
        for provider in providers() {
            let filled =
                provider.address.replace("{resource}", "mine").replace("{address}", "https://x.example");
            assert!(Address::parse(&filled).is_ok(), "{}", provider.id);
            assert!(
                provider.key_page.is_empty() || provider.key_page.starts_with("https://"),
                "{}",
                provider.id
            );
            assert!(!provider.name.en.is_empty() && !provider.name.zh.is_empty());
        }
        assert_eq!(provider("azure").expect("is there").dialect.auth, Auth::ApiKey);
    }

    #[test]
    fn what_a_service_does_not_know_is_not_sent_and_is_named() {
        let request = ChatRequest {
            top_k: Some(40),
            min_p: Some(0.1),
            repetition_penalty: Some(1.0),
            seed: Some(7),
            ..ChatRequest::default()
        };
        let deepseek = &provider("deepseek").expect("is there").dialect;
        let spoken = deepseek.spoken(&request);
        assert_eq!(
            (spoken.top_k, spoken.min_p, spoken.repetition_penalty, spoken.seed),
            (None, None, None, None)
        );
        assert_eq!(deepseek.unused(), ["top_k", "min_p", "repetition_penalty", "seed"]);
        let while_thinking = ["temperature", "frequency_penalty", "presence_penalty"];
        assert_eq!(deepseek.ignores_while_thinking, while_thinking);
        assert!(provider("together").expect("is there").dialect.unused().contains(&"thinking".to_owned()));
        let openrouter = &provider("openrouter").expect("is there").dialect;
        assert_eq!(openrouter.spoken(&request), ChatRequest { repetition_penalty: None, ..request.clone() });
        assert_eq!(Dialect::own().spoken(&request), request);
        assert_eq!(Dialect::own().unused(), Vec::<String>::new());
    }

    #[test]
    fn thinking_is_switched_in_each_service_s_words() {
        for (id, on, off) in [
            ("deepseek", r#"{"thinking":{"type":"enabled"}}"#, r#"{"thinking":{"type":"disabled"}}"#),
            ("volcengine", r#"{"thinking":{"type":"enabled"}}"#, r#"{"thinking":{"type":"disabled"}}"#),
            ("bailian", r#"{"enable_thinking":true}"#, r#"{"enable_thinking":false}"#),
            ("siliconflow", r#"{"enable_thinking":true}"#, r#"{"enable_thinking":false}"#),
            ("openrouter", r#"{"reasoning":{"enabled":true}}"#, r#"{"reasoning":{"enabled":false}}"#),
            (
                "nim",
                r#"{"chat_template_kwargs":{"enable_thinking":true,"thinking":true}}"#,
                r#"{"chat_template_kwargs":{"enable_thinking":false,"thinking":false}}"#,
            ),
            ("together", "{}", "{}"),
        ] {
            let dialect = &provider(id).expect("is there").dialect;
            let said = |thinks| Value::Object(dialect.switch(thinks));
            let read = |text: &str| serde_json::from_str::<Value>(text).expect("is JSON");
            // As values: the order of names is another library's choice.
            assert_eq!((said(Some(true)), said(Some(false))), (read(on), read(off)), "{id}");
            assert_eq!(said(None), read("{}"), "{id}");
        }
        assert!(Dialect::engine().unused().is_empty());
    }

    #[test]
    fn thinking_goes_back_inside_tool_turns_only() {
        let thought = |message: Message| Message { reasoning_content: "hm".into(), ..message };
        let mut calling = thought(Message::new("assistant", ""));
        calling.tool_calls = vec![serde_json::json!({ "id": "1" })];
        let messages = vec![thought(Message::new("assistant", "a")), calling, Message::prefix("One", "hm")];
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let bailian = &provider("bailian").expect("is there").dialect;
        let said: Vec<_> = bailian
            .spoken(&request)
            .messages
            .into_iter()
            .map(|m| (m.reasoning_content, m.prefix, m.partial))
            .collect();
        let hm = String::from("hm");
        assert_eq!(said, [(String::new(), false, false), (hm.clone(), false, false), (hm, false, true)]);
    }
}
