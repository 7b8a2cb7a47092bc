//! Prompts of DeepSeek-VL2 compared with its published processor: every token of conversations with 0 to 5
//! images, and the ids of the special tokens that a tokenizer lacks.
use std::path::Path;

use checkpoint::TokenizerSource;
use serde_json::Value;
use text::{ContentPart, ImageMessage, Tokenizer};

fn open(case: &str) -> (Tokenizer, text::ImageTemplate, Value) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/vl2").join(case);
    let reference = std::fs::read(dir.join("reference.json")).expect("the fixture is there");
    let (tokenizer, template) = Tokenizer::open_with_images(&TokenizerSource::Folder(dir)).expect("it opens");
    (tokenizer, template, serde_json::from_slice(&reference).expect("it is JSON"))
}

/// `<image>` in a published message is an image.
fn turn(message: &Value, counts: &mut impl Iterator<Item = usize>) -> ImageMessage {
    let role = message[0].as_str().expect("a role").to_lowercase();
    let mut parts = Vec::new();
    for (at, text) in message[1].as_str().expect("a text").split("<image>").enumerate() {
        if at > 0 {
            parts.push(ContentPart::Image(counts.next().expect("an image for each placeholder")));
        }
        parts.push(ContentPart::Text(text.to_owned()));
    }
    ImageMessage { role, parts }
}

#[test]
fn every_token_is_the_published_processors() {
    for case in ["tiny", "vl2"] {
        let (tokenizer, template, reference) = open(case);
        for (name, id) in reference["tokenizer"].as_object().expect("an object") {
            assert_eq!(tokenizer.id(name).map(u64::from), id.as_u64(), "{case}: {name}");
        }
        for talk in reference["talks"].as_array().expect("talks") {
            let grids: Vec<[usize; 2]> = serde_json::from_value(talk["grids"].clone()).expect("grids");
            let mut counts = grids.iter().map(|[w, h]| 2 * 3 + 1 + h * 2 * (w * 2 + 1));
            let turns: Vec<ImageMessage> = talk["messages"]
                .as_array()
                .expect("messages")
                .iter()
                .map(|message| turn(message, &mut counts))
                .collect();
            let prompt = template.encode(&tokenizer, &turns).expect("it is encoded");
            let expected: Vec<u32> = serde_json::from_value(talk["input_ids"].clone()).expect("tokens");
            assert_eq!(prompt.tokens, expected, "{case}: {}", talk["messages"]);
            assert_eq!(prompt.images.len(), grids.len());
            for &at in &prompt.images {
                assert_eq!((&talk["mask"][at - 1], &talk["mask"][at]), (&0.into(), &1.into()), "{case}");
            }
        }
    }
}

#[test]
fn written_image_tokens_are_text_and_unsupported_messages_are_refused() {
    let (tokenizer, template, _) = open("tiny");
    let say = |role: &str, parts: Vec<ContentPart>| ImageMessage { role: role.into(), parts };
    let text = |content: &str| ContentPart::Text(content.into());
    let image = tokenizer.id("<image>").expect("it was added");
    let prompt =
        template.encode(&tokenizer, &[say("user", vec![text("html <image> <image>")])]).expect("encoded");
    assert!(!prompt.tokens.contains(&image) && prompt.images.is_empty());
    let shown = tokenizer.decode(&prompt.tokens);
    assert!(shown.contains("html <image> <image>"), "{shown}");
    for turns in [
        vec![say("tool", vec![text("x")])],
        vec![say("user", vec![text("x")]), say("system", vec![text("y")])],
        vec![say("assistant", vec![ContentPart::Image(3)])],
    ] {
        assert!(template.encode(&tokenizer, &turns).is_err(), "{turns:?}");
    }
}
