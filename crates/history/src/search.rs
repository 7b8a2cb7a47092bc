//! Search over titles and messages: every word has to occur, in any order, as a part of longer words too. It is LIKE over
//! the text and no index: Chinese is written without spaces and its commonest words have two letters, which a trigram
//! index cannot find; 100,000 messages take less than 0.1 s.
use rusqlite::params_from_iter;

use crate::{Found, History, HistoryError, Hit, Summary};

/// From here on the text is looked for as one phrase: somebody pasted a page.
const MOST_WORDS: usize = 24;

impl History {
    /// Chats whose title or one of whose messages holds all the words, the latest first. Latin letters match in either
    /// case. Without words: every chat.
    pub fn search(&self, query: &str) -> Result<Vec<Found>, HistoryError> {
        let words = words(query);
        if words.is_empty() {
            return Ok(self.chats()?.into_iter().map(|chat| Found { chat, hit: None }).collect());
        }
        let mut values = vec![like(query.trim())];
        let title = holds("title", &words, &mut values);
        let text = holds("text", &words, &mut values);
        let sql = format!(
            "WITH found AS MATERIALIZED (
                SELECT id, title, model_id, updated_at, ({title}) AS titled,
                    (SELECT messages.id FROM messages WHERE chat_id = chats.id AND {text}
                     ORDER BY text LIKE ?1 ESCAPE '\\' DESC, messages.rowid DESC LIMIT 1) AS message_id
                FROM chats
             )
             SELECT found.id, found.title, found.model_id, found.updated_at, messages.id, messages.text
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
            };
            let (id, text): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
            let hit = id.zip(text).map(|(message_id, text)| Hit { message_id, text });
            Ok(Found { chat, hit })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

/// The words that a query asks for, each once.
pub fn words(query: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in query.split_whitespace() {
        if !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    if words.len() > MOST_WORDS { vec![query.trim().to_owned()] } else { words }
}

/// A condition under which `column` holds every word; its values are added to `values`.
fn holds(column: &str, words: &[String], values: &mut Vec<String>) -> String {
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

/// LIKE knows the two cases of ASCII letters only; the others are tried as words are usually written.
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

/// What the person typed has no signs of the query language.
fn like(words: &str) -> String {
    let escaped = words.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
