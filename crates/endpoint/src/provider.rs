//! The services that can be chosen by name and how each differs from the OpenAI protocol, read from
//! `assets/cloud/providers.toml`. Knows no network.
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::ChatRequest;

const FILE: &str = include_str!("../../../assets/cloud/providers.toml");

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Provider {
    pub id: String,
    pub name: Names,
    /// With `{…}` where only the user knows the part.
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

/// How a service differs from the OpenAI protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Dialect {
    #[serde(default)]
    pub auth: Auth,
    /// Parameters beyond the protocol's own that the service supports; the others are not sent.
    #[serde(default, rename = "keeps")]
    pub supported_params: Vec<OptionalParam>,
    /// Parameters of the protocol that the service accepts and ignores.
    #[serde(default, rename = "ignores")]
    pub ignored_params: Vec<String>,
    /// Those that it ignores while the model reasons.
    #[serde(default, rename = "ignores_while_thinking")]
    pub ignored_while_thinking: Vec<String>,
    /// The parameter that turns reasoning on or off; absent where there is none.
    pub thinking: Option<ThinkingParam>,
    /// Absent where an answer that was cut off cannot be continued.
    #[serde(rename = "continues")]
    pub continuation: Option<Continuation>,
    /// Whether `/models` exists.
    #[serde(default = "yes", rename = "lists")]
    pub lists_models: bool,
    /// Token counts come with every chunk when they are asked for.
    #[serde(default)]
    pub continuous_usage: bool,
    /// It may report the routed experts of each token; a server that cannot ignores the field.
    #[serde(default)]
    pub routed_experts: bool,
    /// It may report how much of a prompt is computed; a server that cannot ignores the field.
    #[serde(default)]
    pub prompt_progress: bool,
    /// It may keep cached prefixes apart; a server that cannot ignores the field.
    #[serde(default)]
    pub cache_salt: bool,
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
pub enum OptionalParam {
    TopK,
    MinP,
    RepetitionPenalty,
    Seed,
}

/// The parameter by which a service is told whether to reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingParam {
    /// `thinking: {type: enabled | disabled}`.
    Thinking,
    EnableThinking,
    /// OpenRouter's `reasoning: {enabled}`.
    Reasoning,
    /// `chat_template_kwargs`, for servers that render the model's own template. DeepSeek's templates know
    /// `thinking`, Qwen's `enable_thinking`; each ignores the other.
    Template,
}

/// How a cut answer is continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Continuation {
    /// As our own worker: `prefix` on the last message.
    Prefix,
    /// The same under DeepSeek's `/beta`.
    Beta,
    Partial,
}

impl OptionalParam {
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
    /// Of our own worker, which supports everything.
    pub fn worker() -> Self {
        use strum::VariantArray;
        Self {
            supported_params: OptionalParam::VARIANTS.to_vec(),
            thinking: Some(ThinkingParam::Template),
            continuation: Some(Continuation::Prefix),
            lists_models: true,
            continuous_usage: true,
            routed_experts: true,
            prompt_progress: true,
            cache_salt: true,
            ..Self::default()
        }
    }

    /// Of SGLang, vLLM, llama-server and ollama: all is supported but the continuation of an answer.
    pub fn engine() -> Self {
        Self { continuation: None, continuous_usage: false, ..Self::worker() }
    }

    /// Names of parameters that have no effect with this service, which the user is shown.
    pub fn unused_params(&self) -> Vec<String> {
        use strum::VariantArray;
        let left_out = OptionalParam::VARIANTS.iter().filter(|param| !self.supported_params.contains(param));
        let no_thinking = self.thinking.is_none().then(|| "thinking".to_owned());
        let left_out = left_out.map(|param| param.name().to_owned());
        self.ignored_params.iter().cloned().chain(left_out).chain(no_thinking).collect()
    }

    /// Empty where the user left it to the model, or the service has no such parameter.
    pub(crate) fn thinking_param(&self, thinking: Option<bool>) -> serde_json::Map<String, Value> {
        let (Some(param), Some(on)) = (self.thinking, thinking) else { return serde_json::Map::new() };
        let (name, value) = match param {
            ThinkingParam::Thinking => {
                ("thinking", json!({ "type": if on { "enabled" } else { "disabled" } }))
            }
            ThinkingParam::EnableThinking => ("enable_thinking", json!(on)),
            ThinkingParam::Reasoning => ("reasoning", json!({ "enabled": on })),
            ThinkingParam::Template => {
                ("chat_template_kwargs", json!({ "thinking": on, "enable_thinking": on }))
            }
        };
        [(name.to_owned(), value)].into_iter().collect()
    }

    /// The request in this dialect. Reasoning is sent back only where services demand it: inside a turn with
    /// tool calls, and as the beginning of the answer that is continued.
    pub(crate) fn apply(&self, request: &ChatRequest) -> ChatRequest {
        let mut applied = request.clone();
        let unsupported = |param| !self.supported_params.contains(&param);
        if unsupported(OptionalParam::TopK) {
            applied.top_k = None;
        }
        if unsupported(OptionalParam::MinP) {
            applied.min_p = None;
        }
        // 1 has no effect, and a strict service refuses parameters that it does not know.
        if unsupported(OptionalParam::RepetitionPenalty)
            || (self != &Self::worker() && applied.repetition_penalty == Some(1.0))
        {
            applied.repetition_penalty = None;
        }
        if unsupported(OptionalParam::Seed) {
            applied.seed = None;
        }
        applied.return_routed_experts &= self.routed_experts;
        applied.return_progress &= self.prompt_progress;
        applied.cache_salt = applied.cache_salt.filter(|_| self.cache_salt);
        for message in &mut applied.messages {
            if !message.prefix && message.tool_calls.is_none() {
                message.reasoning_content = None;
            }
            if message.prefix && self.continuation == Some(Continuation::Partial) {
                (message.prefix, message.partial) = (false, true);
            }
        }
        applied
    }
}

/// Every service, DeepSeek's own first and the custom one last.
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
    use protocol::openai::{Arguments, FunctionCall, ToolCall};

    use crate::{Address, ChatMessage};

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
        let applied = deepseek.apply(&request);
        assert_eq!(
            (applied.top_k, applied.min_p, applied.repetition_penalty, applied.seed),
            (None, None, None, None)
        );
        assert_eq!(deepseek.unused_params(), ["top_k", "min_p", "repetition_penalty", "seed"]);
        let while_thinking = ["temperature", "frequency_penalty", "presence_penalty"];
        assert_eq!(deepseek.ignored_while_thinking, while_thinking);
        assert!(
            provider("together").expect("is there").dialect.unused_params().contains(&"thinking".to_owned())
        );
        let openrouter = &provider("openrouter").expect("is there").dialect;
        assert_eq!(openrouter.apply(&request), ChatRequest { repetition_penalty: None, ..request.clone() });
        assert_eq!(Dialect::worker().apply(&request), request);
        assert_eq!(Dialect::worker().unused_params(), Vec::<String>::new());
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
            let params = |on| Value::Object(dialect.thinking_param(on));
            let read = |text: &str| serde_json::from_str::<Value>(text).expect("is JSON");
            // As values, because the order of keys depends on the library.
            assert_eq!((params(Some(true)), params(Some(false))), (read(on), read(off)), "{id}");
            assert_eq!(params(None), read("{}"), "{id}");
        }
        assert!(Dialect::engine().unused_params().is_empty());
    }

    #[test]
    fn thinking_goes_back_inside_tool_turns_only() {
        let thought = |message: ChatMessage| ChatMessage { reasoning_content: Some("hm".into()), ..message };
        let mut calling = thought(ChatMessage::new("assistant", ""));
        let function = FunctionCall { name: "f".into(), arguments: Arguments::default() };
        calling.tool_calls = Some(vec![ToolCall::function("1".into(), function)]);
        let messages =
            vec![thought(ChatMessage::new("assistant", "a")), calling, ChatMessage::prefix("One", "hm")];
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let bailian = &provider("bailian").expect("is there").dialect;
        let said: Vec<_> = bailian
            .apply(&request)
            .messages
            .into_iter()
            .map(|m| (m.reasoning_content, m.prefix, m.partial))
            .collect();
        let hm = Some(String::from("hm"));
        assert_eq!(said, [(None, false, false), (hm.clone(), false, false), (hm, false, true)]);
    }
}
