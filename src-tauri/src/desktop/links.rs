//! `whaledeck://` links: parsed strictly, kept until a page asks for them. A link never sends, downloads or
//! deletes; it only leads to a place and fills in a text.
use contract::{AppEvent, LinkView};
use parking_lot::Mutex;
use tauri::{AppHandle, Manager, Url};

use crate::host::Subscribers;

pub const SCHEME: &str = "whaledeck";
/// A longer link is not followed.
const MAX_BYTES: usize = 8192;
/// Letters of a text or a name.
const MAX_LETTERS: usize = 4000;

/// The link that no page has followed yet.
#[derive(Default)]
pub struct PendingLink(Mutex<Option<LinkView>>);

impl PendingLink {
    pub fn of(link: Option<LinkView>) -> Self {
        Self(Mutex::new(link))
    }

    /// Tells the pages; a page that starts later takes the link itself.
    pub fn open(&self, handle: &AppHandle, link: LinkView) {
        *self.0.lock() = Some(link);
        if let Some(subscribers) = handle.try_state::<Subscribers>() {
            app::Host::emit(&*subscribers, AppEvent::LinkOpened);
        }
    }

    pub fn take(&self) -> Option<LinkView> {
        self.0.lock().take()
    }
}

/// The first link of a command line.
pub fn in_arguments<'a>(arguments: impl IntoIterator<Item = &'a String>) -> Option<LinkView> {
    arguments.into_iter().find_map(|argument| parse(argument))
}

/// `whaledeck://new?text=…&model=…&temporary=1`, `whaledeck://chat/ID` or `whaledeck://models?search=…`.
fn parse(link: &str) -> Option<LinkView> {
    if link.len() > MAX_BYTES {
        return None;
    }
    let url = Url::parse(link).ok().filter(|url| url.scheme() == SCHEME)?;
    let value = |name: &str| {
        let found = url.query_pairs().find(|(key, _)| key == name)?.1;
        let clean = found.chars().filter(|letter| !letter.is_control() || *letter == '\n');
        Some(clean.take(MAX_LETTERS).collect::<String>())
    };
    match url.host_str()? {
        "new" => Some(LinkView::NewChat {
            model_id: value("model").filter(|id| !id.is_empty()),
            text: value("text").unwrap_or_default(),
            temporary: value("temporary").as_deref() == Some("1"),
        }),
        "chat" => {
            let id = url.path().trim_matches('/');
            let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
            (!id.is_empty() && id.len() < 100 && id.chars().all(known))
                .then(|| LinkView::Chat { id: id.to_owned() })
        }
        "models" => Some(LinkView::Models { search: value("search").unwrap_or_default() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(model: Option<&str>, text: &str, temporary: bool) -> Option<LinkView> {
        Some(LinkView::NewChat { model_id: model.map(str::to_owned), text: text.to_owned(), temporary })
    }

    #[test]
    fn links_lead_to_places_and_fill_in_texts() {
        assert_eq!(parse("whaledeck://new"), new(None, "", false));
        assert_eq!(
            parse("whaledeck://new?text=What%20is%20a%20whale%3F%0AShort.&model=guide"),
            new(Some("guide"), "What is a whale?\nShort.", false)
        );
        assert_eq!(parse("whaledeck://new/?temporary=1&text=%E9%B2%B8"), new(None, "鲸", true));
        assert_eq!(parse("whaledeck://chat/0192-af"), Some(LinkView::Chat { id: "0192-af".into() }));
        assert_eq!(
            parse("whaledeck://models?search=owner/name:Q4_K_M"),
            Some(LinkView::Models { search: "owner/name:Q4_K_M".into() })
        );
        let arguments = ["--hidden", "file.gguf", "whaledeck://new?text=a"].map(str::to_owned);
        assert_eq!(in_arguments(&arguments), new(None, "a", false));
    }

    #[test]
    fn what_is_no_link_of_ours_is_not_followed() {
        for other in [
            "whaledeck:new",
            "whaledeck://delete/all",
            "whaledeck://chat/",
            "whaledeck://chat/a/b",
            "whaledeck://chat/a%2Fb",
            "https://new?text=a",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
        assert_eq!(parse(&format!("whaledeck://new?text={}", "a".repeat(MAX_BYTES))), None);
        // Control characters could hide what a text does.
        assert_eq!(parse("whaledeck://new?text=a%00b%1B%5B2Jc"), new(None, "ab[2Jc", false));
    }
}
