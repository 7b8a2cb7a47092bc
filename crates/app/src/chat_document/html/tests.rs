use std::cell::RefCell;

use contract::{ChatView, MessageView, PassageView, Role};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::*;
use crate::test_app::{chat_view, hostile_chat, message_view, picture_view};

/// A name, and attributes with their values.
type Tag = (String, Vec<(String, String)>);

/// What a browser reads: tags with their attributes, and text.
#[derive(Default)]
struct Reading {
    tags: RefCell<Vec<Tag>>,
    open: RefCell<Vec<String>>,
    text: RefCell<String>,
    problems: RefCell<Vec<String>>,
}

const VOID: &[&str] = &["br", "hr", "img", "meta"];

impl TokenSink for Reading {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                let name = tag.name.to_string();
                if !VOID.contains(&name.as_str()) && !tag.self_closing {
                    self.open.borrow_mut().push(name.clone());
                }
                let attributes =
                    tag.attrs.iter().map(|one| (one.name.local.to_string(), one.value.to_string()));
                self.tags.borrow_mut().push((name, attributes.collect()));
            }
            Token::TagToken(tag) => {
                let open = self.open.borrow_mut().pop();
                if open.as_deref() != Some(&*tag.name) {
                    self.problems.borrow_mut().push(format!("{} closes {open:?}", tag.name));
                }
            }
            Token::CharacterTokens(text) => self.text.borrow_mut().push_str(&text),
            Token::ParseError(error) => self.problems.borrow_mut().push(error.into_owned()),
            Token::NullCharacterToken => self.problems.borrow_mut().push("a NUL".into()),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn read(html: &str) -> Reading {
    let tokenizer = Tokenizer::new(Reading::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}

fn write(chat: &ChatView) -> String {
    let picture = |picture: &PictureView| Ok(format!("data:{};base64,AAAA", picture.kind));
    html(&ChatDocument::of_branch(chat, Lang::En), Lang::En, picture).expect("is written")
}

/// Nothing that runs, loads or leaves the page.
fn check(reading: &Reading) {
    const TAGS: &[&str] = &[
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "article",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "p",
        "a",
        "br",
        "hr",
        "img",
        "blockquote",
        "details",
        "summary",
        "div",
        "ul",
        "ol",
        "li",
        "pre",
        "code",
        "figure",
        "figcaption",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "em",
        "s",
    ];
    const ATTRIBUTES: &[&str] = &[
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "id",
        "href",
        "rel",
        "src",
        "width",
        "alt",
        "start",
    ];
    const MATH: &[&str] = &[
        "display",
        "mathvariant",
        "stretchy",
        "style",
        "class",
        "width",
        "height",
        "depth",
        "accent",
        "lspace",
        "rspace",
        "form",
        "fence",
        "separator",
        "linethickness",
        "displaystyle",
        "scriptlevel",
        "minsize",
        "maxsize",
        "largeop",
        "movablelimits",
        "symmetric",
        "accentunder",
        "voffset",
    ];
    assert_eq!(*reading.problems.borrow(), Vec::<String>::new());
    assert_eq!(*reading.open.borrow(), Vec::<String>::new());
    for (tag, attributes) in reading.tags.borrow().iter() {
        let math = tag.starts_with('m') && !TAGS.contains(&tag.as_str());
        assert!(math || TAGS.contains(&tag.as_str()), "<{tag}>");
        for (name, value) in attributes {
            let known = if math { MATH } else { ATTRIBUTES };
            assert!(known.contains(&name.as_str()), "<{tag} {name}>");
            let allowed = match name.as_str() {
                "href" => {
                    ["#", "http://", "https://", "mailto:"].iter().any(|begin| value.starts_with(begin))
                }
                "src" => value.starts_with("data:image/"),
                _ => true,
            };
            assert!(allowed, "<{tag} {name}={value}>");
        }
    }
}

#[test]
fn a_chat_is_one_page_without_anything_live() {
    let passage = PassageView {
        document_id: "d".into(),
        name: "town.pdf".into(),
        page: 3,
        label: None,
        text: "text".into(),
    };
    let answer = MessageView {
        reasoning: "Let me *think*.".into(),
        passages: vec![passage],
        ..message_view(
            Role::Assistant,
            "## Result\n**Bold** `code` [citation:1] and $x^2$.\n\n```rust\nfn main() {}\n```\n\n\
             | a | b |\n|:-:|--:|\n| 1 | 2 |\n\n1. one\n2. two\n\n$$\n\\frac{a}{b}\n$$",
        )
    };
    let asked = MessageView {
        pictures: vec![picture_view("image/png", 40, 30)],
        ..message_view(Role::User, "a < b")
    };
    let html = write(&chat_view("A & B", vec![asked, answer]));
    let reading = read(&html);
    check(&reading);
    let text = reading.text.borrow();
    for part in ["A & B", "a < b", "Let me ", "Bold", "fn main() {}", "[1] town.pdf, page 3"] {
        assert!(text.contains(part), "{part}");
    }
    for part in [
        "<details><summary>Thinking</summary>",
        "<figcaption>rust</figcaption>",
        "<th class=\"center\">a</th><th class=\"right\">b</th>",
        "<ol>\n<li>one",
        "href=\"#s2-1\"",
        "<li id=\"s2-1\">",
        "<math",
        "src=\"data:image/png;base64,AAAA\" width=\"40\"",
        "default-src 'none'",
        "prefers-color-scheme: dark",
        "@media print",
    ] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn hostile_text_is_text() {
    let html = write(&hostile_chat());
    let reading = read(&html);
    check(&reading);
    let text = reading.text.borrow();
    for part in ["<script>alert(1)</script>", "]]>", "<img src=x onerror=alert(2)>", "</style><script>"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains(&"x".repeat(1 << 20)), "the long line is whole");
    assert!(!html.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')));
}
