use contract::{ChatView, MessageView, Role};

use super::*;
use crate::test_app::{chat_view, hostile_chat, message_view, picture_view};

fn write(chat: &ChatView) -> Vec<u8> {
    let png = |_: &PictureView| Ok(b"\x89PNG\r\n\x1a\n".to_vec());
    word(&ChatDocument::of_branch(chat, Lang::En), Lang::En, png).expect("is written")
}

/// The text that the app's own reader of documents finds.
fn read(docx: Vec<u8>) -> String {
    let document = documents::extract("chat.docx", docx).expect("is read");
    document.pages.into_iter().map(|page| page.text).collect()
}

#[test]
fn the_text_is_read_back() {
    let answer = MessageView {
        reasoning: "Let me *think*.".into(),
        ..message_view(
            Role::Assistant,
            "## Result\n**Bold** and [a link](https://x.org).\n\n```rust\nfn main() {\n\tgo();\n}\n```\n\n\
             | a | b |\n|---|--:|\n| 1 | 2 |\n\n- one\n- two\n\n3. three\n\n$$\nx^2\n$$",
        )
    };
    let asked = MessageView {
        pictures: vec![picture_view("image/png", 4_000, 30)],
        ..message_view(Role::User, "What is a < b?\n第二行")
    };
    let docx = write(&chat_view("A & B", vec![asked, answer]));
    assert_eq!(
        read(docx),
        "# A & B\n\nguide\n\n# 1 · You\n\nWhat is a < b?\n第二行\n\n# 2 · Answer\n\nThinking\n\n\
         Let me think.\n\n### Result\n\nBold and a link.\n\nfn main() {\n\tgo();\n}\n\n\
         | a | b |\n| 1 | 2 |\n\n- one\n- two\n- three\nx^2"
    );
}

#[test]
fn hostile_text_gives_a_valid_file() {
    let text = read(write(&hostile_chat()));
    for part in
        ["<script>alert(1)</script>", "]]>", "<img src=x onerror=alert(2)>", "[x](<javascript:alert(1)>)"]
    {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains(&"x".repeat(1 << 20)), "the long line is whole");
}

#[test]
fn an_image_keeps_its_proportion_on_the_page() {
    assert_eq!(fitted(&picture_view("image/png", 100, 50)), (100, 50));
    assert_eq!(fitted(&picture_view("image/png", 1210, 605)), (605, 303));
    assert_eq!(fitted(&picture_view("image/png", 50_000, 1)), (605, 1));
}
