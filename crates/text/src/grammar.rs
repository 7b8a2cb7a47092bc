//! Constrained decoding with a JSON schema or a tool call grammar: a mask of the tokens that may come next.
//!
//! Knows no sampler. llguidance compiles the grammar over the token trie of `parser_factory`.
use llguidance::Matcher;
use llguidance::api::TopLevelGrammar;
use serde_json::{Value, json};

use crate::{TextError, Tokenizer, ToolCallFormat};

/// The grammar state of one output.
pub struct Grammar {
    matcher: Matcher,
    eos: Vec<u32>,
}

impl Grammar {
    /// # Errors
    /// An unsupported schema, with the reason; a tokenizer without an EOS token.
    pub fn json_schema(schema: &Value, tokenizer: &Tokenizer) -> Result<Self, TextError> {
        Self::new(TopLevelGrammar::from_json_schema(bounded(schema.clone())), tokenizer)
    }

    /// Exactly one call of one of `tools`, in OpenAI's format.
    ///
    /// # Errors
    /// As [`Grammar::json_schema`]; a tool without a name.
    pub fn call(tools: &[Value], form: ToolCallFormat, tokenizer: &Tokenizer) -> Result<Self, TextError> {
        Self::new(TopLevelGrammar::from_lark(form.grammar(&bounded_tools(tools), tokenizer)?), tokenizer)
    }

    /// What may follow once a model has begun its list of calls: one or more calls of `tools`. With the token
    /// that begins the list, which the grammar is to accept first; `None` for a vocabulary without it.
    ///
    /// # Errors
    /// As [`Grammar::call`].
    pub fn calls(
        tools: &[Value],
        form: ToolCallFormat,
        tokenizer: &Tokenizer,
    ) -> Result<Option<(Self, u32)>, TextError> {
        let Some(begin) = form.begin(tokenizer) else { return Ok(None) };
        Self::new(TopLevelGrammar::from_lark(form.list_grammar(&bounded_tools(tools), tokenizer)?), tokenizer)
            .map(|grammar| Some((grammar, begin)))
    }

    fn new(grammar: TopLevelGrammar, tokenizer: &Tokenizer) -> Result<Self, TextError> {
        let mut matcher = Matcher::new(tokenizer.parser_factory()?.create_parser(grammar));
        if let Some(error) = matcher.get_error() {
            return Err(TextError::Grammar(error));
        }
        // This detects a schema that allows nothing before the first token.
        matcher.compute_mask().map_err(|error| TextError::Grammar(error.to_string()))?;
        Ok(Self { matcher, eos: tokenizer.eos_tokens().to_vec() })
    }

    /// Sets the logits of disallowed tokens to minus infinity. `logits` may be longer than the vocabulary
    /// (padding).
    ///
    /// # Errors
    /// The schema exceeds llguidance's limits; then only EOS is allowed.
    pub fn mask(&mut self, logits: &mut [f32]) -> Result<(), TextError> {
        let allowed = self.matcher.compute_mask_or_eos();
        let eos = self.eos.iter().copied();
        let may_end = allowed.as_ref().map_or(true, |allowed| eos.clone().any(|end| allowed.is_allowed(end)));
        for (id, logit) in (0u32..).zip(logits.iter_mut()) {
            let fits =
                allowed.as_ref().is_ok_and(|allowed| (id as usize) < allowed.len() && allowed.is_allowed(id));
            if !(fits || (may_end && self.eos.contains(&id))) {
                *logit = f32::NEG_INFINITY;
            }
        }
        allowed.map(|_| ()).map_err(|error| TextError::Grammar(error.to_string()))
    }

    /// Advances the state by the sampled token.
    ///
    /// # Errors
    /// The token was not allowed.
    pub fn accept(&mut self, token: u32) -> Result<(), TextError> {
        if self.eos.contains(&token) || self.matcher.is_stopped() {
            return Ok(());
        }
        self.matcher.consume_token(token).map_err(|error| TextError::Grammar(error.to_string()))
    }

    /// Whether the output so far is a complete sentence of the grammar.
    pub fn is_complete(&mut self) -> bool {
        self.matcher.is_accepting().unwrap_or(false) || self.matcher.is_stopped()
    }
}

fn bounded_tools(tools: &[Value]) -> Vec<Value> {
    let mut tools = tools.to_vec();
    for tool in &mut tools {
        let parameters = &mut tool["function"]["parameters"];
        *parameters = bounded(parameters.take());
    }
    tools
}

/// Limits white space between JSON values to 16 characters: a small model may otherwise write it without end.
fn bounded(mut schema: Value) -> Value {
    if let Some(map) = schema.as_object_mut() {
        map.entry("x-guidance").or_insert_with(|| json!({"whitespace_pattern": r"[\x20\x0A\x0D\x09]{0,16}"}));
    }
    schema
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn guide() -> Tokenizer {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
        Tokenizer::open(&checkpoint::TokenizerSource::Folder(folder)).expect("opened")
    }

    /// Whether each token of `text`, and then EOS, is allowed.
    fn allows(tokenizer: &Tokenizer, schema: &Value, text: &str) -> bool {
        follows(tokenizer, &mut Grammar::json_schema(schema, tokenizer).expect("a schema"), text)
    }

    fn follows(tokenizer: &Tokenizer, grammar: &mut Grammar, text: &str) -> bool {
        let mut tokens = tokenizer.encode(text).expect("tokens");
        tokens.extend(&tokenizer.eos_tokens()[..1]);
        tokens.into_iter().all(|token| {
            let mut logits = vec![0.0; tokenizer.size() + 7];
            grammar.mask(&mut logits).expect("a mask");
            assert!(logits[tokenizer.size()..].iter().all(|logit| *logit == f32::NEG_INFINITY));
            logits[token as usize] == 0.0 && grammar.accept(token).is_ok()
        })
    }

    #[test]
    fn what_the_schema_says_is_allowed_and_nothing_else() {
        let tokenizer = guide();
        let schema = json!({
            "type": "object",
            "properties": {"name": {"type": "string"}, "size": {"$ref": "#/$defs/size"}},
            "required": ["name", "size"],
            "additionalProperties": false,
            "$defs": {"size": {"type": "integer", "minimum": 1}},
        });
        let check =
            |text: &str, expect: bool| assert_eq!(allows(&tokenizer, &schema, text), expect, "{text}");
        check(r#"{"name": "鲸🐋 \"x\"", "size": 12}"#, true);
        check("{\n  \"name\": \"a\",\n  \"size\": 1\n}", true);
        check(r#"{"name": "a"}"#, false);
        check(r#"{"name": "a", "size": 0}"#, false);
        check(r#"{"name": "a", "size": 12"#, false);
        check(r#"Sure: {"name": "a", "size": 12}"#, false);
        check(r#"{"name": "<think>", "size": 12}"#, false);
        assert!(allows(&tokenizer, &json!({"type": "object"}), r#"{"a": [1, null, {"b": "c"}]}"#));
        assert!(!allows(&tokenizer, &json!({"type": "object"}), "[1]"));
    }

    #[test]
    fn a_call_is_one_of_the_functions_offered() {
        let tokenizer = guide();
        let city =
            json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        let tools = [
            json!({"type": "function", "function": {"name": "get_weather", "parameters": city}}),
            json!({"type": "function", "function": {"name": "now"}}),
        ];
        let wrap = |inside: &str| {
            format!(
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{inside}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
            )
        };
        let check = |form, inside: &str, expect: bool| {
            let mut grammar = Grammar::call(&tools, form, &tokenizer).expect("a grammar");
            assert_eq!(follows(&tokenizer, &mut grammar, &wrap(inside)), expect, "{inside}");
        };
        check(ToolCallFormat::Bare, "get_weather<｜tool▁sep｜>{\"city\": \"北京\"}", true);
        check(ToolCallFormat::Bare, "now<｜tool▁sep｜>{}", true);
        check(ToolCallFormat::Bare, "later<｜tool▁sep｜>{}", false);
        check(ToolCallFormat::Bare, "get_weather<｜tool▁sep｜>{}", false);
        check(
            ToolCallFormat::Fenced,
            "function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"x\"}\n```",
            true,
        );
        check(ToolCallFormat::Fenced, "function<｜tool▁sep｜>get_weather\n{\"city\": \"x\"}", false);
        assert!(Grammar::call(&[json!({})], ToolCallFormat::Bare, &tokenizer).is_err());
    }

    #[test]
    fn a_list_has_one_or_more_calls() {
        let tokenizer = guide();
        let tools = [
            json!({"type": "function", "function": {"name": "now"}}),
            json!({"type": "function", "function": {"name": "echo", "parameters": {
                "type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
            }}}),
        ];
        let wrap = |inside: &str| format!("<｜tool▁calls▁begin｜>{inside}<｜tool▁calls▁end｜>");
        let one = |inside: &str| format!("<｜tool▁call▁begin｜>{inside}<｜tool▁call▁end｜>");
        let check = |form: ToolCallFormat, list: &str, expect: bool| {
            let lark = form.list_grammar(&bounded_tools(&tools), &tokenizer).expect("a grammar");
            let mut grammar = Grammar::new(TopLevelGrammar::from_lark(lark), &tokenizer).expect("compiles");
            assert_eq!(follows(&tokenizer, &mut grammar, &wrap(list)), expect, "{list}");
        };
        let (now, echo) = (one("now<｜tool▁sep｜>{}"), one("echo<｜tool▁sep｜>{\"n\": 3}"));
        check(ToolCallFormat::Bare, &now, true);
        check(ToolCallFormat::Bare, &(now.clone() + &echo + &now), true);
        check(ToolCallFormat::Bare, "", false);
        check(ToolCallFormat::Bare, &one("echo<｜tool▁sep｜>{\"n\": \"x\"}"), false);
        // The Guide has no token that begins a list, so nothing tells when its calls are to be held.
        let held = Grammar::calls(&tools, ToolCallFormat::Bare, &tokenizer).expect("no error");
        assert!(held.is_none());
        let fenced = one("function<｜tool▁sep｜>now\n```json\n{}\n```");
        check(ToolCallFormat::Fenced, &(fenced.clone() + "\n" + &fenced), true);
        check(ToolCallFormat::Fenced, &(fenced.clone() + "\n\n" + &fenced), false);
    }

    #[test]
    fn a_schema_that_cannot_be_held_to_is_an_error() {
        let tokenizer = guide();
        for schema in [json!({"type": "nothing"}), json!({"$ref": "https://example.com/x"}), json!(false)] {
            assert!(Grammar::json_schema(&schema, &tokenizer).is_err(), "{schema}");
        }
    }
}
