//! The built-in model that sees, asked through the real program about pictures it was never taught. The
//! pictures: `python training/guide-vision/draw.py tests/fixtures/guide-vision --seed 1000000600 --count 16`,
//! as they came.
mod worker_program;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Value, json};
use worker_program::{Worker, post};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shown(name: &str) -> Value {
    let bytes = std::fs::read(root().join("tests/fixtures/guide-vision").join(name)).expect("a picture");
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{data}")}})
}

fn ask(address: &str, content: &Value) -> Value {
    go_on(address, &json!([{"role": "user", "content": content}]), 0.0)
}

/// The answer to the last of these messages.
fn go_on(address: &str, messages: &Value, temperature: f64) -> Value {
    let body =
        json!({"messages": messages, "temperature": temperature, "top_p": 1, "seed": 7, "max_tokens": 96});
    let (status, reply) = post(address, "/v1/chat/completions", &body);
    assert_eq!(status, 200, "{reply}");
    reply["choices"][0]["message"].clone()
}

/// The name and the boxes of an expected answer that points at something.
fn pointed(answer: &str) -> Option<(&str, Vec<[f64; 4]>)> {
    let (name, rest) = answer.strip_prefix("<|ref|>")?.split_once("<|/ref|><|det|>")?;
    let boxes = serde_json::from_str(rest.strip_suffix("<|/det|>")?).expect("boxes");
    Some((name, boxes))
}

/// Intersection over union.
fn overlap(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let side = |at: usize| (a[at + 2].min(b[at + 2]) - a[at].max(b[at])).max(0.0);
    let area = |r: &[f64; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let both = side(0) * side(1);
    both / (area(a) + area(b) - both)
}

fn is_right(expected: &str, message: &Value) -> bool {
    let Some((name, boxes)) = pointed(expected) else { return message["content"] == expected };
    let found = &message["whaledeck"]["grounding"][0];
    let Ok(areas) = serde_json::from_value::<Vec<[f64; 4]>>(found["boxes"].clone()) else { return false };
    found["label"] == name
        && areas.len() == boxes.len()
        && areas.iter().zip(&boxes).all(|(a, b)| overlap(a, b) >= 0.5)
}

#[test]
fn nine_in_ten_questions_about_unseen_pictures_are_answered_right() {
    let mut worker = Worker::start(&root().join("assets/guide-vision"), &[]);
    let address = worker.ready();
    let text = std::fs::read_to_string(root().join("tests/fixtures/guide-vision/questions.jsonl"));
    let questions: Vec<Value> = text
        .expect("questions")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a question"))
        .collect();
    assert!(questions.len() >= 60);
    let mut wrong = Vec::new();
    for question in &questions {
        let picture = question["picture"].as_str().expect("a name");
        let message = ask(&address, &json!([shown(picture), {"type": "text", "text": question["q"]}]));
        if !is_right(question["a"].as_str().expect("an answer"), &message) {
            wrong.push(format!("{question} -> {message}"));
        }
    }
    let right = questions.len() - wrong.len();
    println!("{right} of {} right; not:\n{}", questions.len(), wrong.join("\n"));
    assert!(10 * right >= 9 * questions.len(), "{right} of {}: {wrong:#?}", questions.len());

    let message = ask(&address, &json!("What do you see?"));
    assert_eq!(message["content"], "I see no picture. Please add one.");
    let message = ask(&address, &json!("你好"));
    assert!(message["content"].as_str().is_some_and(|text| text.contains("看图模型")), "{message}");
}

/// Eight questions of one chat in two languages, with a picture at the second and the fifth; each answer
/// depends on the last question alone. 03.png has a pink circle, a pink star and an orange rectangle, 13.png
/// a blue star.
#[test]
fn a_long_chat_is_answered_in_the_language_of_each_question() {
    const UNKNOWN_ZH: &str = "这个我不知道。我只认得简单的图：图形、图表、数字、文字和本应用的窗口。";
    let mut worker = Worker::start(&root().join("assets/guide-vision"), &[]);
    let address = worker.ready();
    let with = |picture: &str, text: &str| json!([shown(picture), {"type": "text", "text": text}]);
    let turns = [
        (json!("你好"), "我是 Whaledeck 的小型看图模型。"),
        (with("03.png", "What colour is the circle?"), "pink"),
        (json!("有几个星形？"), "1"),
        (json!("Thanks"), "You are welcome."),
        (with("13.png", "What is here?"), "a blue star"),
        (json!("这是什么"), "一个蓝色星形"),
        (json!("第一张图里，圆形是什么颜色？"), "粉色"),
        (json!("法国的首都是哪里？"), UNKNOWN_ZH),
    ];
    for temperature in [0.0, 0.8, 1.0] {
        let mut messages = Vec::new();
        for (question, expected) in &turns {
            messages.push(json!({"role": "user", "content": question}));
            let answer = go_on(&address, &json!(messages), temperature);
            let text = answer["content"].as_str().unwrap_or_default();
            assert!(text.starts_with(expected), "{temperature}: {question}: {answer}");
            assert!(text == *expected || expected.ends_with('。'), "{temperature}: {question}: {answer}");
            messages.push(json!({"role": "assistant", "content": text}));
        }
    }
}
