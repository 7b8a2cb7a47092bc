//! Prompts compared with Python's Jinja for the template of every family. Goldens come from
//! tests/fixtures/text/make_templates.py.
mod published;

use std::path::{Path, PathBuf};

use serde_json::Value;
use text::{ChatTemplate, Conversation, Message, ToolCall, ToolCallFormat};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/text")
}

fn message(value: &Value) -> Message {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let call = |call: &Value| ToolCall {
        id: text(&call["id"]),
        name: text(&call["function"]["name"]),
        arguments: text(&call["function"]["arguments"]),
    };
    Message {
        role: text(&value["role"]),
        content: text(&value["content"]),
        tool_calls: value["tool_calls"].as_array().into_iter().flatten().map(call).collect(),
        tool_call_id: value["tool_call_id"].as_str().map(str::to_owned),
        ..Message::default()
    }
}

fn template(family: &str) -> ChatTemplate {
    let source = std::fs::read_to_string(fixtures().join(format!("templates/{family}.jinja"))).expect("read");
    ChatTemplate::new(&source, "<｜begin▁of▁sentence｜>".into(), "<｜end▁of▁sentence｜>".into())
        .expect("valid")
}

#[test]
fn every_familys_prompts_equal_pythons() {
    let golden = std::fs::read_to_string(fixtures().join("templates.golden.jsonl")).expect("read");
    let mut families = std::collections::BTreeSet::new();
    for line in golden.lines() {
        let row: Value = serde_json::from_str(line).expect("it is JSON");
        let family = row["family"].as_str().expect("a name");
        let messages: Vec<Message> =
            row["messages"].as_array().expect("a list").iter().map(message).collect();
        let tools = row["tools"].as_array().cloned().unwrap_or_default();
        let prompt = template(family).render(&Conversation {
            messages: &messages,
            tools: &tools,
            template_kwargs: Some(&row["flags"]),
            continue_final_message: row["continued"] == true,
        });
        let prompt = prompt.unwrap_or_else(|error| panic!("{family}, {}: {error}", row["title"]));
        assert_eq!(prompt.text(), row["prompt"].as_str().expect("a prompt"), "{family}, {}", row["title"]);
        families.insert(family.to_owned());
    }
    assert_eq!(families.len(), 11, "{families:?}");
}

/// The template family of a model. Vision models have no template here.
fn form(model: &str) -> Option<&'static str> {
    Some(match model {
        "guide" => "guide",
        "deepseek-v3.1" | "deepseek-v3.1-terminus" => "v3_1",
        "deepseek-v3" | "deepseek-v3-0324" => "v3",
        "deepseek-r1" => "r1",
        "deepseek-r1-0528" | "deepseek-r1-0528-qwen3-8b" => "r1_0528",
        _ if model.starts_with("deepseek-r1-distill-") => "r1_distill",
        "deepseek-v2-lite-chat" => "v2",
        "deepseek-moe-16b-chat" => "v2",
        _ if model.starts_with("deepseek-coder-v2-") => "v2",
        _ if model.starts_with("deepseek-coder-") => "coder",
        "guide-vision" => return None,
        // Other engines run them.
        "deepseek-v3.2" | "deepseek-ocr" => return None,
        _ if model.starts_with("deepseek-v4") => return None,
        _ if model.starts_with("deepseek-vl2") => return None,
        _ => panic!("no template is tested for {model}"),
    })
}

#[test]
fn every_model_of_the_catalogue_has_a_form_that_is_tested() {
    let catalogue = include_str!("../../../assets/catalog/models.toml");
    let golden = std::fs::read_to_string(fixtures().join("templates.golden.jsonl")).expect("read");
    let mut count = 0;
    // A model's id follows `[[model]]` at once; its variants have their own tables.
    for part in catalogue.split("[[model]]").skip(1) {
        let id = part.split("id = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
        if let Some(form) = form(id) {
            assert!(golden.contains(&format!("\"family\": \"{form}\"")), "{id}: {form}");
            count += 1;
        }
    }
    assert!(count > 10, "{count} models");
}

#[test]
fn a_prompt_says_whether_the_answer_begins_with_reasoning() {
    let check = |family: &str, flags: Value, last: Message, continued: bool, thinking: bool| {
        let messages = [Message::new("user", "say <think>"), last];
        let messages = if continued { &messages[..] } else { &messages[..1] };
        let conversation = Conversation {
            messages,
            template_kwargs: Some(&flags),
            continue_final_message: continued,
            ..Conversation::default()
        };
        let prompt = template(family).render(&conversation).expect("rendered");
        assert_eq!(prompt.thinking, thinking, "{family}: {}", prompt.text());
        prompt.text().to_owned()
    };
    let on = serde_json::json!({"thinking": true});
    let said = |text: &str| Message::new("assistant", text);
    let thought = || Message { reasoning: "so far".into(), ..said("") };
    check("r1", Value::Null, said(""), false, true);
    check("r1_distill", Value::Null, said(""), false, true);
    check("r1_0528", Value::Null, said(""), false, false);
    check("v2_5", Value::Null, said(""), false, false);
    check("v3_0324", Value::Null, said(""), false, false);
    check("v2", Value::Null, said(""), false, false);
    check("v3_1", on.clone(), said(""), false, true);
    check("v3_1", Value::Null, said(""), false, false);
    check("r1", Value::Null, said("half"), true, false);
    let ends = |text: String, end: &str| assert!(text.ends_with(end), "{text}");
    ends(check("r1", Value::Null, thought(), true, true), "<｜Assistant｜><think>\nso far");
    ends(check("r1_0528", Value::Null, thought(), true, true), "<｜Assistant｜><think>\nso far");
    ends(check("v3_1", on, thought(), true, true), "<｜Assistant｜><think>so far");
    let both = Message { content: "One, ".into(), ..thought() };
    ends(check("r1", Value::Null, both, true, false), "<think>\nso far\n</think>\n\nOne, ");
}

#[test]
fn a_template_without_tool_support_gets_calls_as_content() {
    let call = ToolCall { id: "1".into(), name: "get_time".into(), arguments: "{}".into() };
    let messages = [
        Message::new("user", "When?"),
        Message { tool_calls: vec![call], ..Message::new("assistant", "") },
        Message::new("tool", "9:00"),
    ];
    for family in ["v2", "v2_5", "guide"] {
        let conversation = Conversation { messages: &messages, ..Conversation::default() };
        let prompt = template(family).render(&conversation).expect("rendered").text().to_owned();
        assert!(prompt.contains("get_time\n```json\n{}\n```<｜tool▁call▁end｜>"), "{prompt}");
        assert!(prompt.contains("<｜tool▁output▁begin｜>9:00<｜tool▁output▁end｜>"), "{prompt}");
    }
}

#[test]
fn functions_are_described_once_whatever_the_template_says_of_them() {
    let tool = serde_json::json!({"type": "function", "function": {"name": "get_time", "description": "Now", "parameters": {}}});
    for (family, form) in [
        ("r1", ToolCallFormat::Fenced),
        ("r1_distill", ToolCallFormat::Fenced),
        ("v3", ToolCallFormat::Fenced),
        ("v3_0324", ToolCallFormat::Fenced),
        ("v3_1", ToolCallFormat::Bare),
    ] {
        let template = template(family);
        assert_eq!(template.tool_call_format(), form, "{family}");
        for messages in
            [vec![Message::new("user", "?")], vec![Message::new("system", "S."), Message::new("user", "?")]]
        {
            let conversation = Conversation {
                messages: &messages,
                tools: std::slice::from_ref(&tool),
                ..Conversation::default()
            };
            let prompt = template.render(&conversation).expect("rendered").text().to_owned();
            assert_eq!(prompt.matches("### get_time").count(), 1, "{prompt}");
        }
    }
}

#[test]
fn the_template_of_a_published_file_gives_pythons_prompts() {
    let Some((source, golden)) = published::r1_distill() else { return };
    let template = ChatTemplate::open(&source).expect("valid");
    let rows = golden["prompts"].as_array().expect("a list");
    assert_eq!(rows.len(), 7);
    for row in rows {
        let messages: Vec<Message> =
            row["messages"].as_array().expect("a list").iter().map(message).collect();
        let prompt = template.render(&Conversation {
            messages: &messages,
            tools: &[],
            template_kwargs: None,
            continue_final_message: false,
        });
        let prompt = prompt.unwrap_or_else(|error| panic!("{}: {error}", row["title"]));
        assert_eq!(prompt.text(), row["prompt"].as_str().expect("a prompt"), "{}", row["title"]);
    }
}
