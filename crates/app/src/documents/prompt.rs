//! Documents in the prompt: whole with the message that they are attached to, in the form of DeepSeek's own
//! template for files, or as the passages that match the question, in the form of its template for search.
use contract::{DocumentView, MessageView, PassageView, Role};
use history::HistoryError;

use super::Library;
use super::passages::{choose, split};

/// How the documents of a conversation go into its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentMode {
    Whole,
    /// They do not fit. `room` is the tokens for their passages.
    Searched {
        room: u32,
    },
}

/// The messages with their documents as text, and the passages that are in it, in the order of their numbers.
/// `shared` are the documents of the chat's folder, which are with its first question.
pub(crate) fn with_documents(
    mut path: Vec<MessageView>,
    shared: &[DocumentView],
    library: &Library,
    mode: DocumentMode,
) -> Result<(Vec<MessageView>, Vec<PassageView>), HistoryError> {
    attach_shared(&mut path, shared);
    if path.iter().all(|message| message.documents.is_empty()) {
        return Ok((path, Vec::new()));
    }
    match mode {
        DocumentMode::Whole => {
            for message in &mut path {
                let files: String =
                    message.documents.iter().map(|document| whole_text(document, library)).collect();
                message.text.insert_str(0, &files);
            }
            Ok((path, Vec::new()))
        }
        DocumentMode::Searched { room } => {
            let passages = passages(&path, library, room)?;
            for message in &mut path {
                let files: String = message.documents.iter().map(named_only).collect();
                message.text.insert_str(0, &files);
            }
            if let Some(question) = path.iter_mut().rfind(|message| message.role == Role::User) {
                question.text.insert_str(0, &passages_text(&passages));
            }
            Ok((path, passages))
        }
    }
}

/// One that a message has too is not in the prompt twice.
fn attach_shared(path: &mut [MessageView], shared: &[DocumentView]) {
    let attached = |id: &String| path.iter().flat_map(|message| &message.documents).any(|one| one.id == *id);
    let new: Vec<DocumentView> = shared.iter().filter(|document| !attached(&document.id)).cloned().collect();
    if let Some(first) = path.iter_mut().find(|message| message.role == Role::User) {
        first.documents.splice(0..0, new);
    }
}

fn whole_text(document: &DocumentView, library: &Library) -> String {
    let pages = library.pages(&document.id);
    let mut text = format!("[file name]: {}\n[file content begin]\n", document.name);
    for (at, page) in pages.iter().enumerate() {
        match &page.label {
            Some(label) => text += &format!("[sheet {label}]\n"),
            None if pages.len() > 1 => text += &format!("[page {}]\n", at + 1),
            None => {}
        }
        // Otherwise the model would take it for an empty page.
        if document.scanned.iter().any(|page| *page as usize == at + 1) {
            text += "(a scanned image without text)\n";
        }
        text += page.text.trim_end();
        text.push('\n');
    }
    text + "[file content end]\n"
}

fn named_only(document: &DocumentView) -> String {
    format!(
        "[file name]: {} ({} pages, passages of it are with the question)\n",
        document.name, document.pages
    )
}

fn passages_text(passages: &[PassageView]) -> String {
    let mut text = String::from("Passages of the documents that match the question:\n");
    for (at, source) in passages.iter().enumerate() {
        let (number, name) = (at + 1, &source.name);
        let place = match &source.label {
            Some(label) => format!("sheet {label}"),
            None => format!("page {}", source.page),
        };
        text +=
            &format!("[passage {number} begin] {name}, {place}\n{}\n[passage {number} end]\n", source.text);
    }
    text + "Answer from these passages and cite each one that you use by its number, as in [citation:1]. If they do not \
            have the answer, say so.\n\n"
}

/// The passages for the last question.
fn passages(path: &[MessageView], library: &Library, room: u32) -> Result<Vec<PassageView>, HistoryError> {
    let mut all = Vec::new();
    let mut seen = Vec::new();
    for document in path.iter().flat_map(|message| &message.documents) {
        if seen.contains(&&document.id) {
            continue;
        }
        seen.push(&document.id);
        for (at, page) in library.pages(&document.id).iter().enumerate() {
            all.extend(split(&page.text).into_iter().map(|text| (document, at, page.label.as_ref(), text)));
        }
    }
    let texts: Vec<&str> = all.iter().map(|(.., text)| *text).collect();
    let chosen = choose(&texts, &question(path), room)?;
    let source = |at: usize| {
        let (document, page, label, text) = all[at];
        PassageView {
            document_id: document.id.clone(),
            name: document.name.clone(),
            page: u32::try_from(page + 1).unwrap_or(u32::MAX),
            label: label.cloned(),
            text: text.to_owned(),
        }
    };
    Ok(chosen.into_iter().map(source).collect())
}

/// The last question, with the one before it where it is short: "and the second?" has nothing to search for.
fn question(path: &[MessageView]) -> String {
    let mut questions =
        path.iter().rev().filter(|message| message.role == Role::User).map(|message| message.text.as_str());
    let last = questions.next().unwrap_or_default();
    if last.chars().count() >= 24 {
        return last.to_owned();
    }
    format!("{last} {}", questions.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use history::DocumentText;

    use super::*;

    fn message(role: Role, text: &str, documents: Vec<DocumentView>) -> MessageView {
        MessageView { documents, ..crate::test_app::message_view(role, text) }
    }

    fn document(pages: u32) -> DocumentView {
        DocumentView {
            id: "d".into(),
            name: "town.pdf".into(),
            kind: contract::DocumentKind::Pdf,
            size: 1.0,
            pages,
            tokens: 1,
            scanned: Vec::new(),
        }
    }

    fn library(pages: &[&str]) -> Library {
        let text = |text: &&str| DocumentText { label: None, text: (*text).to_owned() };
        Library::of([("d".to_owned(), pages.iter().map(text).collect())])
    }

    #[test]
    fn a_whole_document_is_in_the_message_that_it_was_attached_to() {
        let path = vec![
            message(Role::User, "Who?", vec![document(2)]),
            message(Role::Assistant, "Ellen.", Vec::new()),
            message(Role::User, "When?", Vec::new()),
        ];
        let (path, passages) =
            with_documents(path, &[], &library(&["one", "two"]), DocumentMode::Whole).expect("is made");
        assert_eq!(
            path[0].text,
            "[file name]: town.pdf\n[file content begin]\n[page 1]\none\n[page 2]\ntwo\n[file content end]\nWho?"
        );
        assert_eq!((path[2].text.as_str(), passages.len()), ("When?", 0));
    }

    #[test]
    fn a_document_of_the_folder_is_with_the_first_question_once() {
        let path = || {
            vec![
                message(Role::User, "Who?", Vec::new()),
                message(Role::Assistant, "Ellen.", Vec::new()),
                message(Role::User, "Who opened the harbour?", Vec::new()),
            ]
        };
        let (shared, library) = ([document(1)], library(&["Ellen Voss opened the harbour."]));
        let whole = |path| with_documents(path, &shared, &library, DocumentMode::Whole).expect("is made").0;
        let (alone, file) = (whole(path()), "[file name]: town.pdf\n[file content begin]\n");
        assert!(alone[0].text.starts_with(file) && alone[0].text.ends_with("\nWho?"), "{}", alone[0].text);
        assert_eq!(alone[2].text, "Who opened the harbour?");
        let mut attached = path();
        attached[2].documents = vec![document(1)];
        let attached = whole(attached);
        assert_eq!((attached[0].text.as_str(), attached[2].text.starts_with(file)), ("Who?", true));

        let mode = DocumentMode::Searched { room: 200 };
        let (path, passages) = with_documents(path(), &shared, &library, mode).expect("is made");
        assert!(path[0].text.starts_with("[file name]: town.pdf (1 pages"));
        assert!(passages.len() == 1 && path[2].text.contains("[passage 1 begin] town.pdf, page 1"));
    }

    #[test]
    fn a_searched_one_gives_its_passages_to_the_last_question_with_their_pages() {
        let path = vec![
            message(Role::User, "Summarise it.", vec![document(3)]),
            message(Role::Assistant, "A town.", Vec::new()),
            message(Role::User, "Who opened the harbour?", Vec::new()),
        ];
        let pages =
            ["The town lies by the sea.", "Ellen Voss opened the harbour.", "The market is on Monday."];
        let mode = DocumentMode::Searched { room: 200 };
        let (path, passages) = with_documents(path, &[], &library(&pages), mode).expect("is made");
        assert!(
            path[0].text.starts_with("[file name]: town.pdf (3 pages")
                && path[0].text.ends_with("Summarise it.")
        );
        let cited = passages.iter().position(|source| source.text.contains("Ellen")).expect("it is found");
        assert_eq!(passages[cited].page, 2);
        let number = cited + 1;
        let passage = format!("[passage {number} begin] town.pdf, page 2\nEllen Voss opened the harbour.\n");
        assert!(path[2].text.contains(&passage), "{}", path[2].text);
        assert!(path[2].text.ends_with("\n\nWho opened the harbour?"));
    }
}
