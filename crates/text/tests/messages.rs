//! No message is dropped between a conversation and its prompt, whatever encoding the template needs.
//! Templates are those of the releases, from tests/fixtures/text/templates, and short ones written here.
use std::path::Path;

use serde_json::{Value, json};
use text::{ChatTemplate, Conversation, Message, TextError, ToolCall};

fn template(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, "<B>".into(), "<E>".into()).expect("valid")
}

/// The templates of tests/fixtures/text/make_templates.py.
fn published(family: &str) -> ChatTemplate {
    let file = format!("../../tests/fixtures/text/templates/{family}.jinja");
    template(&std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("read"))
}

fn render(template: &ChatTemplate, messages: &[Message]) -> Result<String, TextError> {
    let conversation = Conversation { messages, ..Conversation::default() };
    template.render(&conversation).map(|prompt| prompt.text().to_owned())
}

fn say(role: &str, content: &str) -> Message {
    Message::new(role, content)
}

fn call(content: &str, arguments: &str) -> Message {
    let call = ToolCall { id: "call_1".into(), name: "get_weather".into(), arguments: arguments.into() };
    Message { tool_calls: vec![call], ..say("assistant", content) }
}

const FAMILIES: [&str; 9] = ["v2", "v2_5", "v3", "v3_0324", "v3_1", "r1", "r1_0528", "r1_distill", "guide"];

#[test]
fn a_developer_is_the_system_and_no_other_role_is_guessed() {
    for family in FAMILIES {
        let template = published(family);
        let system = render(&template, &[say("system", "Be brief."), say("user", "Hi")]).expect(family);
        let developer = render(&template, &[say("developer", "Be brief."), say("user", "Hi")]);
        assert_eq!(developer.expect(family), system);
        assert!(system.contains("Be brief."));
        for role in ["critic", "System", "function", "", "ipython"] {
            let refused = render(&template, &[say("user", "Hi"), say(role, "x"), say("user", "?")]);
            let refused = refused.expect_err("no such role").to_string();
            assert!(
                refused.contains("messages[1].role") && refused.contains(&format!("{role:?}")),
                "{refused}"
            );
        }
    }
}

#[test]
fn a_turn_that_a_template_leaves_out_is_refused_by_its_number() {
    let chat = |condition: &str| {
        template(&format!(
            "{{% for m in messages %}}{{% if {condition} %}}<|{{{{ m.role }}}}|>{{{{ m.content | trim }}}}{{% endif %}}\
             {{% endfor %}}{{% if add_generation_prompt %}}<|assistant|>{{% endif %}}"
        ))
    };
    let turns = [say("system", "Be."), say("user", "One"), say("assistant", "Two"), say("user", "Three")];
    let lost = |condition: &str| render(&chat(condition), &turns);
    assert!(lost("true").is_ok());
    for (condition, number, role) in [
        ("m.role != 'system'", 0, "system"),
        ("m.role != 'assistant'", 2, "assistant"),
        ("not loop.first and loop.index0 > 1", 0, "system"),
        ("loop.last or loop.first", 1, "user"),
    ] {
        let error = lost(condition).expect_err(condition);
        let TextError::MessageDropped { index, role: lost } = &error else { panic!("{error}") };
        assert_eq!((*index, lost.as_str()), (number, role), "{condition}: {error}");
        assert!(error.to_string().contains(&format!("messages[{number}]")), "{error}");
    }
    // Empty messages count as present, and so does text that a template trims or quotes.
    let quoting = template("{% for m in messages %}{{ m.content | trim | tojson }}{% endfor %}");
    for text in ["", " \n", " \"x\"\\ \n", "<think>a</think>b", "中文 <b>"] {
        assert!(render(&quoting, &[say("user", text)]).is_ok(), "{text:?}");
    }
    let refused = render(&template("{{ messages | length }}"), &[say("user", "x")]).expect_err("no text");
    assert!(matches!(refused, TextError::MessageDropped { index: 0, .. }), "{refused}");
}

#[test]
fn system_texts_of_which_a_template_takes_one_become_one() {
    let template = published("r1_distill");
    let two = [say("system", "First."), say("system", "Second."), say("user", "Hi")];
    let one = [say("system", "First.\n\nSecond."), say("user", "Hi")];
    assert_eq!(render(&template, &two).expect("rendered"), render(&template, &one).expect("rendered"));
    // A later system message is merged too.
    let later = [say("user", "Hi"), say("assistant", "Ho"), say("developer", "Later."), say("user", "x")];
    let first_only = "{% if messages[0].role == 'system' %}S:{{ messages[0].content }}{% endif %}{% for m in messages %}\
                      {% if m.role != 'system' %}[{{ m.content }}]{% endif %}{% endfor %}";
    assert_eq!(render(&self::template(first_only), &later).expect("rendered"), "S:Later.[Hi][Ho][x]");
}

#[test]
fn a_text_beside_calls_and_the_calls_are_both_there() {
    let turns = [
        say("user", "Weather?"),
        call("Let me look.", "{\"city\": \"北京\"}"),
        Message { tool_call_id: Some("call_1".into()), ..say("tool", "sunny") },
        say("user", "Thanks"),
    ];
    for family in FAMILIES {
        let prompt = render(&published(family), &turns).expect(family);
        for part in ["Let me look.", "get_weather", "{\"city\": \"北京\"}", "sunny", "Thanks"] {
            assert_eq!(prompt.matches(part).count(), 1, "{family}, {part}: {prompt}");
        }
        assert!(prompt.find("Let me look.") < prompt.find("get_weather"), "{family}: {prompt}");
    }
}

#[test]
fn a_turn_that_only_calls_is_given_in_the_form_that_each_template_takes() {
    let turns = [say("user", "Weather?"), call("", "{\"city\": \"北京\"}"), say("tool", "sunny")];
    for family in FAMILIES {
        let prompt = render(&published(family), &turns).expect(family);
        assert!(prompt.contains("{\"city\": \"北京\"}") && !prompt.contains("None"), "{family}: {prompt}");
    }
    // Neither a printed "None" nor an error for an empty string.
    let both = |body: &str| {
        let around = format!(
            "{{% for m in messages %}}{{% if m.tool_calls %}}{body}{{{{ m.tool_calls[0].function.name }}}}\
             {{{{ m.tool_calls[0].function.arguments }}}}{{% else %}}{{{{ m.content }}}}{{% endif %}}{{% endfor %}}"
        );
        render(&template(&around), &turns).expect("rendered")
    };
    let expect = "Weather?get_weather{\"city\": \"北京\"}sunny";
    assert_eq!(both("{{ m.content }}"), expect);
    assert_eq!(both("{{ m.content | trim }}"), expect);
    assert_eq!(both("{% if m.content == '' %}{{ raise_exception('empty') }}{% endif %}"), expect);
    assert_eq!(both("{% if m.content is none %}{{ raise_exception('none') }}{% endif %}"), expect);
}

#[test]
fn arguments_are_json_once_however_a_template_writes_them() {
    let turns =
        [say("user", "?"), call("", "{\"city\": \"北京\", \"days\": [1, 2.0]}"), say("tool", "sunny")];
    let written = |arguments: &str| {
        let source = format!(
            "{{% for m in messages %}}{{% if m.tool_calls %}}{{% for c in m.tool_calls %}}{{{{ c.function.name }}}}({arguments})\
             {{% endfor %}}{{% else %}}{{{{ m.content }}}}{{% endif %}}{{% endfor %}}"
        );
        render(&template(&source), &turns).expect("rendered")
    };
    let json = "?get_weather({\"city\": \"北京\", \"days\": [1, 2.0]})sunny";
    assert_eq!(written("{{ c.function.arguments }}"), json);
    assert_eq!(written("{{ '' + c.function.arguments }}"), json);
    assert_eq!(written("{{ c.function.arguments | tojson }}"), json);
    let either =
        "{{ c.function.arguments if c.function.arguments is string else c.function.arguments | tojson }}";
    assert_eq!(written(either), json);
    let each = "{% for k, v in c.function.arguments.items() %}<{{ k }}>{{ v }}{% endfor %}";
    assert_eq!(written(each), "?get_weather(<city>北京<days>[1, 2.0])sunny");
    // Arguments that are not a JSON object stay the text that the model wrote.
    let broken = [say("user", "?"), call("", "{\"city\": "), say("tool", "no")];
    let source = "{% for m in messages %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}{{ c.function.name }} \
                  {{ c.function.arguments | tojson }}{% endfor %}{% endfor %}";
    let prompt = render(&template(source), &broken).expect("rendered");
    assert_eq!(prompt, "?get_weather \"{\\\"city\\\": \"no");
}

#[test]
fn functions_that_a_template_would_leave_out_are_described() {
    // Some templates write tools only next to a system message.
    let source = "{% for m in messages %}{% if m.role == 'system' and tools %}T:{{ tools | tojson }}{% endif %}\
                  {{ m.content }}{% endfor %}";
    let tools = [json!({"type": "function", "function": {"name": "get_time", "parameters": {}}})];
    for (messages, own) in
        [(vec![say("user", "?")], false), (vec![say("system", "S."), say("user", "?")], true)]
    {
        let conversation = Conversation { messages: &messages, tools: &tools, ..Conversation::default() };
        let prompt = template(source).render(&conversation).expect("rendered");
        assert!(prompt.text().contains("get_time"), "{}", prompt.text());
        assert_eq!(prompt.text().starts_with("T:"), own, "{}", prompt.text());
    }
}

#[test]
fn flags_reach_the_template_as_they_are() {
    let source = "{{ messages[0].content }}{{ effort }}{{ deep | tojson }}";
    let flags: Value = json!({"effort": "high", "deep": [true, "<x>"]});
    let messages = [say("user", "?")];
    let conversation =
        Conversation { messages: &messages, template_kwargs: Some(&flags), ..Conversation::default() };
    assert_eq!(template(source).render(&conversation).expect("rendered").text(), "?high[true, \"<x>\"]");
}
