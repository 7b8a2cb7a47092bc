//! Ranks passages of text for a question by BM25, with SQLite's full-text index in memory. Nothing is kept:
//! an index of a long book is made in a fraction of a second.
use rusqlite::{Connection, params};

use crate::HistoryError;

/// Words of a question that are searched for; more make it slower and not better.
const MAX_TERMS: usize = 64;

/// Positions of the passages that share a word with the question, the best first.
///
/// # Errors
/// When SQLite fails, as without memory.
pub fn rank_passages(passages: &[&str], question: &str) -> Result<Vec<usize>, HistoryError> {
    let mut wanted = terms(question);
    wanted.sort();
    wanted.dedup();
    wanted.truncate(MAX_TERMS);
    if wanted.is_empty() || passages.is_empty() {
        return Ok(Vec::new());
    }
    let mut connection = Connection::open_in_memory()?;
    let transaction = connection.transaction()?;
    // Porter's stemmer finds "whales" for "whale"; Chinese comes as pairs of letters.
    transaction
        .execute_batch("CREATE VIRTUAL TABLE passages USING fts5 (terms, tokenize = 'porter unicode61');")?;
    {
        let mut insert = transaction.prepare("INSERT INTO passages (rowid, terms) VALUES (?1, ?2)")?;
        for (at, passage) in passages.iter().enumerate() {
            insert.execute(params![at as i64, terms(passage).join(" ")])?;
        }
    }
    // Terms are letters and digits only, so that quotes keep them from being read as operators.
    let query = wanted.iter().map(|term| format!("\"{term}\"")).collect::<Vec<_>>().join(" OR ");
    let mut search = transaction
        .prepare("SELECT rowid FROM passages WHERE passages MATCH ?1 ORDER BY bm25(passages), rowid")?;
    let found = search.query_map([query], |row| row.get::<_, i64>(0))?;
    let found: Vec<i64> = found.collect::<Result<_, _>>()?;
    Ok(found.into_iter().filter_map(|at| usize::try_from(at).ok()).collect())
}

/// Words in lower case; of scripts without spaces, each pair of letters that stand together.
fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut word = String::new();
    let mut run: Vec<char> = Vec::new();
    for char in text.chars().chain([' ']) {
        let dense = is_dense(char);
        if !dense && !run.is_empty() {
            match run.as_slice() {
                [one] => terms.push(one.to_string()),
                all => terms.extend(all.windows(2).map(|pair| pair.iter().collect::<String>())),
            }
            run.clear();
        }
        if dense {
            run.push(char);
        } else if char.is_alphanumeric() {
            word.extend(char.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            terms.push(std::mem::take(&mut word));
        }
    }
    terms
}

/// A letter of a script that is written without spaces.
fn is_dense(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{0E00}'..='\u{0E7F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passage_with_the_rare_words_comes_first() {
        let passages = [
            "The harbour opens at nine and closes at five.",
            "The blue whale is the largest animal; whales sing.",
            "The opening of the harbour was in 1904, by the mayor Ellen Voss.",
        ];
        let rank = |question: &str| rank_passages(&passages, question).expect("ranks");
        assert_eq!(rank("Which animal is largest?")[0], 1);
        assert_eq!(rank("Who opened the harbour in 1904?")[0], 2);
        assert_eq!(rank("the whale")[0], 1);
        assert_eq!(rank("volcano"), Vec::<usize>::new());
        assert_eq!(rank("\"harbour\" AND NOT (opens*) -- NEAR"), [0, 2]);
    }

    #[test]
    fn chinese_is_found_without_spaces() {
        let passages = ["深度求索公司的总部在杭州。", "蓝鲸是世界上最大的动物。", "港口在一九〇四年开放。"];
        assert_eq!(rank_passages(&passages, "最大的动物是什么？").expect("ranks")[0], 1);
        assert_eq!(rank_passages(&passages, "总部在哪里").expect("ranks")[0], 0);
        assert_eq!(terms("GPT-4 在杭州"), ["gpt", "4", "在杭", "杭州"]);
    }
}
