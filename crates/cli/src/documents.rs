//! Documents of a question: attaches files, and lists the passages that an answer cites.
//! `app` has them read and stored; this file reads none.
use std::path::PathBuf;

use app::App;
use contract::{ErrorView, MessageView};
use messages::{CliMessage, Lang};

/// Stores each file. If one fails, the others are discarded.
pub async fn attach_documents(app: &App, documents: &[PathBuf]) -> Result<Vec<String>, ErrorView> {
    let mut ids = Vec::new();
    for document in documents {
        match app.document_add_file(document).await {
            Ok(document) => ids.push(document.id),
            Err(error) => {
                discard_documents(app, &ids).await?;
                return Err(error);
            }
        }
    }
    Ok(ids)
}

/// Discards documents that no message uses.
pub async fn discard_documents(app: &App, ids: &[String]) -> Result<(), ErrorView> {
    for id in ids {
        app.document_discard(id).await?;
    }
    Ok(())
}

/// The passages that the answer cites, by their numbers; all that it was given where it cites none.
pub fn print_passages(message: &MessageView, lang: Lang) {
    let any = (1..=message.passages.len()).any(|number| message.cites(number));
    if message.passages.is_empty() {
        return;
    }
    println!("{}", CliMessage::Passages.text(lang));
    for (at, passage) in message.passages.iter().enumerate() {
        let number = at + 1;
        if message.cites(number) || !any {
            let place = match &passage.label {
                Some(label) => CliMessage::PassageSheet.with(lang, &[("label", label)]),
                None => CliMessage::PassagePage.with(lang, &[("page", &passage.page.to_string())]),
            };
            println!("  [{number}] {}, {place}", passage.name);
        }
    }
}
