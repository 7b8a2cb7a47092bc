//! Search over titles and messages: all words must occur as substrings, in any order. It uses LIKE instead of
//! an index: Chinese has no spaces and its most common words have two characters, which a trigram index
//! cannot find. 100,000 messages take less than 0.1 s.
use rusqlite::params_from_iter;

use crate::{History, HistoryError, Hit, SearchResult, Summary};

/// A longer query, such as a pasted page, is searched as one phrase.
const MAX_WORDS: usize = 24;

impl History {
    /// Chats with all words in the title or in one message, the latest first. Latin letters are
    /// case-insensitive. An empty query returns all chats.
    pub fn search(&self, query: &str) -> Result<Vec<SearchResult>, HistoryError> {
        let words = words(query);
        if words.is_empty() {
            return Ok(self.chats()?.into_iter().map(|chat| SearchResult { chat, hit: None }).collect());
        }
        let mut values = vec![like(query.trim())];
        let title = contains_all("title", &words, &mut values);
        let text = contains_all("text", &words, &mut values);
        let sql = format!(
            "WITH found AS MATERIALIZED (
                SELECT id, title, model_id, updated_at, folder_id, ({title}) AS titled,
                    (SELECT messages.id FROM messages WHERE chat_id = chats.id AND {text}
                     ORDER BY text LIKE ?1 ESCAPE '\\' DESC, messages.rowid DESC LIMIT 1) AS message_id
                FROM chats
             )
             SELECT found.id, found.title, found.model_id, found.updated_at, found.folder_id, messages.id,
                 messages.text
             FROM found LEFT JOIN messages ON messages.id = found.message_id
             WHERE titled OR message_id IS NOT NULL
             ORDER BY found.updated_at DESC, found.id DESC"
        );
        let connection = self.lock();
        let mut query = connection.prepare_cached(&sql)?;
        let found = query.query_map(params_from_iter(values), |row| {
            let chat = Summary {
                id: row.get(0)?,
                title: row.get(1)?,
                model_id: row.get(2)?,
                updated_at: row.get(3)?,
                folder_id: row.get(4)?,
            };
            let (id, text): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
            let hit = id.zip(text).map(|(message_id, text)| Hit { message_id, text });
            Ok(SearchResult { chat, hit })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

/// The distinct words of a query.
pub fn words(query: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in query.split_whitespace() {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    if words.len() > MAX_WORDS { vec![query.trim().to_owned()] } else { words }
}

/// An SQL condition that `column` contains all words; appends its parameters to `values`.
fn contains_all(column: &str, words: &[String], values: &mut Vec<String>) -> String {
    let one = |word: &String| {
        let any: Vec<String> = spellings(word)
            .iter()
            .map(|spelling| {
                values.push(like(spelling));
                format!("{column} LIKE ?{} ESCAPE '\\'", values.len())
            })
            .collect();
        format!("({})", any.join(" OR "))
    };
    words.iter().map(one).collect::<Vec<_>>().join(" AND ")
}

/// LIKE ignores the case of ASCII letters only; for others the usual spellings are tried.
fn spellings(word: &str) -> Vec<String> {
    let mut all = vec![word.to_owned()];
    if !word.is_ascii() {
        let lower = word.to_lowercase();
        let mut letters = lower.chars();
        let title: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        for one in [lower.clone(), word.to_uppercase(), title] {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

/// A LIKE pattern with escaped wildcards.
fn like(words: &str) -> String {
    let escaped = words.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
