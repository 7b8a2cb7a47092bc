//! The library of prompts as use cases: list, save, remove, import and export, and fill in for the command
//! line. The window fills in by itself, from the parts. Names are unique, because a prompt is asked for by
//! its name.
mod file;
mod list;
mod template;

use std::collections::BTreeMap;
use std::path::Path;

use contract::{DATE_VARIABLE, ErrorCode, ErrorView, PromptDraft, PromptLibrary, SavedPrompt};
use messages::{CliMessage, Lang, example_prompts};

pub(crate) use self::list::Prompts;

use self::file::PromptEntry;
use self::list::Record;
use self::template::{fill, has, parts};
use crate::App;
use crate::blocking::blocking;
use crate::convert::invalid;
use crate::list_file::free_id;
use crate::save::save_bytes;

const MAX_NAME: usize = 80;
const MAX_TEXT: usize = 100_000;
/// The ids of examples begin with it, and no other.
const EXAMPLE: &str = "example:";

impl App {
    /// # Errors
    /// When the list cannot be read.
    pub async fn prompts(&self, lang: Lang) -> Result<PromptLibrary, ErrorView> {
        let prompts = self.prompts.clone();
        blocking("list the prompts", move || prompts.all().map(|records| library(&records, lang))).await
    }

    /// Saves a new prompt, or changes one. A changed example becomes a prompt of the user in its place.
    ///
    /// # Errors
    /// A name or a text that is empty or too long, a name that is taken, a prompt that is not there any more,
    /// or a list that cannot be written.
    pub async fn prompt_save(&self, draft: PromptDraft, lang: Lang) -> Result<SavedPrompt, ErrorView> {
        let (name, text) = checked(&draft.name, &draft.text)?;
        let prompts = self.prompts.clone();
        blocking("save the prompt", move || {
            prompts.change(|records| save(records, draft.id.as_deref(), &name, &text, lang))?
        })
        .await
    }

    /// Deletes a prompt; an example is hidden.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub async fn prompt_remove(&self, id: &str) -> Result<(), ErrorView> {
        let (prompts, id) = (self.prompts.clone(), id.to_owned());
        blocking("remove the prompt", move || {
            prompts.change(|records| {
                if id.starts_with(EXAMPLE) {
                    hide(records, &id);
                } else {
                    records.retain(|record| record.id() != id);
                }
            })
        })
        .await
    }

    /// Shows the examples that were hidden.
    ///
    /// # Errors
    /// When the list cannot be written.
    pub async fn prompt_examples_show(&self) -> Result<(), ErrorView> {
        let prompts = self.prompts.clone();
        blocking("show the examples", move || {
            prompts.change(|records| records.retain(|record| matches!(record, Record::Prompt { .. })))
        })
        .await
    }

    /// Writes the user's prompts to a file, which is replaced atomically.
    ///
    /// # Errors
    /// When the list cannot be read or the folder cannot be written.
    pub async fn prompts_export(&self, path: &Path) -> Result<(), ErrorView> {
        let (prompts, path) = (self.prompts.clone(), path.to_owned());
        blocking("save the prompts", move || {
            let own = own_prompts(&prompts.all()?);
            save_bytes(&path, &file::write(own)?)
        })
        .await
    }

    /// Adds the prompts of a file and returns how many. One that is there already is left out; another with
    /// the same name gets a number.
    ///
    /// # Errors
    /// A file that is none, or a list that cannot be written; nothing is added then.
    pub async fn prompts_import(&self, path: &Path, lang: Lang) -> Result<u32, ErrorView> {
        let (prompts, path) = (self.prompts.clone(), path.to_owned());
        blocking("add the prompts", move || {
            let entries = file::read(&path)?.into_iter().map(|entry| {
                let read = checked(&entry.name, &entry.text);
                read.map_err(|error| file::invalid(&path, &error.message))
            });
            let entries: Vec<(String, String)> = entries.collect::<Result<_, _>>()?;
            prompts.change(|records| {
                let added = entries.into_iter().map(|(name, text)| add(records, &name, &text, lang));
                added.map(u32::from).sum::<u32>()
            })
        })
        .await
    }

    /// The text of the prompt with this name, with values for its variables. The date is filled in by itself.
    ///
    /// # Errors
    /// A name that no prompt has, a value that no variable takes, and a variable without a value.
    pub async fn prompt_filled(
        &self,
        name: &str,
        values: BTreeMap<String, String>,
        lang: Lang,
    ) -> Result<String, ErrorView> {
        let library = self.prompts(lang).await?;
        let prompt = library.prompts.into_iter().find(|prompt| same_name(&prompt.name, name));
        let prompt = prompt.ok_or_else(|| {
            ErrorView::new(ErrorCode::PromptNotFound, format!("find the prompt {name}")).with("name", name)
        })?;
        if let Some(unknown) = values.keys().find(|value| !has(&prompt.parts, value)) {
            let message = format!("fill in the prompt: it has no variable {unknown}");
            return Err(ErrorView::new(ErrorCode::PromptValueUnknown, message).with("name", unknown));
        }
        let mut values = values;
        values.entry(DATE_VARIABLE.to_owned()).or_insert_with(|| today(lang));
        fill(&prompt.parts, &values).map_err(|missing| {
            let names = missing.join(", ");
            let message = format!("fill in the prompt: {names} have no value");
            ErrorView::new(ErrorCode::PromptValueMissing, message).with("name", names)
        })
    }
}

fn today(lang: Lang) -> String {
    let now = jiff::Zoned::now();
    let month = lang.pick("%B", "%-m");
    let part = |format: &str| now.strftime(format).to_string();
    let values = [("year", part("%Y")), ("month", part(month)), ("day", part("%-d"))];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    CliMessage::PromptDate.with(lang, &values)
}

fn library(records: &[Record], lang: Lang) -> PromptLibrary {
    let mut own: Vec<SavedPrompt> = records.iter().filter_map(view).collect();
    own.sort_by_cached_key(|prompt| prompt.name.to_lowercase());
    let hidden = |id: &str| records.iter().any(|record| record.id() == id);
    let (hidden, shown): (Vec<_>, Vec<_>) = examples(lang).into_iter().partition(|prompt| hidden(&prompt.id));
    own.extend(shown);
    PromptLibrary { prompts: own, hidden_examples: u32::try_from(hidden.len()).unwrap_or(u32::MAX) }
}

fn view(record: &Record) -> Option<SavedPrompt> {
    let Record::Prompt { id, name, text } = record else { return None };
    Some(saved(id.clone(), name, text, false))
}

fn saved(id: String, name: &str, text: &str, example: bool) -> SavedPrompt {
    SavedPrompt { id, name: name.to_owned(), text: text.to_owned(), parts: parts(text), example }
}

fn examples(lang: Lang) -> Vec<SavedPrompt> {
    let examples = example_prompts(lang).into_iter();
    examples.map(|one| saved(format!("{EXAMPLE}{}", one.key), one.name, one.text, true)).collect()
}

fn checked(name: &str, text: &str) -> Result<(String, String), ErrorView> {
    let (name, text) = (name.trim(), text.trim());
    let refused = |what: &str, length: usize, most: usize| {
        let message = format!("save the prompt: its {what} has {length} characters");
        (length == 0 || length > most).then(|| invalid(message, what, format!("1 to {most}")))
    };
    let (name_length, text_length) = (name.chars().count(), text.chars().count());
    match refused("name", name_length, MAX_NAME).or_else(|| refused("text", text_length, MAX_TEXT)) {
        Some(error) => Err(error),
        None if name.contains(char::is_control) => {
            Err(invalid("save the prompt: its name has several lines".to_owned(), "name", "one line"))
        }
        None => Ok((name.to_owned(), text.to_owned())),
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.trim().to_lowercase()
}

/// Whether a prompt or an example that is shown has this name, other than `but`.
fn is_taken(records: &[Record], name: &str, but: Option<&str>, lang: Lang) -> bool {
    let PromptLibrary { prompts, .. } = library(records, lang);
    prompts.iter().any(|prompt| same_name(&prompt.name, name) && but != Some(prompt.id.as_str()))
}

fn save(
    records: &mut Vec<Record>,
    id: Option<&str>,
    name: &str,
    text: &str,
    lang: Lang,
) -> Result<SavedPrompt, ErrorView> {
    if is_taken(records, name, id, lang) {
        let message = format!("save the prompt: {name} is taken");
        return Err(ErrorView::new(ErrorCode::PromptNameTaken, message).with("name", name));
    }
    let Some(id) = id else { return Ok(push(records, name, text)) };
    if id.starts_with(EXAMPLE) {
        hide(records, id);
        return Ok(push(records, name, text));
    }
    let known = records.iter_mut().find(|record| record.id() == id).ok_or_else(|| {
        ErrorView::new(ErrorCode::PromptNotFound, format!("find the prompt {name}")).with("name", name)
    })?;
    *known = Record::Prompt { id: id.to_owned(), name: name.to_owned(), text: text.to_owned() };
    Ok(saved(id.to_owned(), name, text, false))
}

fn hide(records: &mut Vec<Record>, id: &str) {
    records.retain(|record| record.id() != id);
    records.push(Record::Hidden { id: id.to_owned() });
}

fn push(records: &mut Vec<Record>, name: &str, text: &str) -> SavedPrompt {
    let id = free_id(name, "prompt", |id| records.iter().any(|record| record.id() == id));
    records.push(Record::Prompt { id: id.clone(), name: name.to_owned(), text: text.to_owned() });
    saved(id, name, text, false)
}

/// Returns whether the prompt was not there yet.
fn add(records: &mut Vec<Record>, name: &str, text: &str, lang: Lang) -> bool {
    if own_prompts(records).iter().any(|one| same_name(&one.name, name) && one.text == text) {
        return false;
    }
    let numbered = (2_u32..).map(|number| format!("{name} {number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    if let Some(name) = names.find(|name| !is_taken(records, name, None, lang)) {
        push(records, &name, text);
    }
    true
}

fn own_prompts(records: &[Record]) -> Vec<PromptEntry> {
    let own = records.iter().filter_map(|record| match record {
        Record::Prompt { name, text, .. } => Some(PromptEntry { name: name.clone(), text: text.clone() }),
        Record::Hidden { .. } => None,
    });
    own.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_in_the_language_of_the_user() {
        let year = jiff::Zoned::now().year().to_string();
        let (english, chinese) = (today(Lang::En), today(Lang::Zh));
        assert!(english.contains(&year) && chinese.contains(&year), "{english} {chinese}");
        assert!(chinese.starts_with(&year) && english.ends_with(&year));
        assert!(english.is_ascii(), "{english}");
    }

    #[test]
    fn every_example_can_be_saved_and_asks_for_something() {
        for lang in [Lang::En, Lang::Zh] {
            let examples = examples(lang);
            assert!((4..=8).contains(&examples.len()));
            for prompt in examples {
                assert!(checked(&prompt.name, &prompt.text).is_ok(), "{}", prompt.name);
                assert!(prompt.parts.len() > 1, "{}", prompt.name);
            }
        }
    }
}
