//! The last log lines of an engine, in bounded memory, without terminal escapes and without the API key.
//! It knows no file and no host; `watch` supplies the bytes.
use std::collections::VecDeque;

/// Lines kept, and bytes per line; the log file on the host holds more.
const MAX_LINES: usize = 2000;
const MAX_LINE_BYTES: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Counts from the first line that was read; never decreases.
    pub number: u64,
    /// Rank of the host.
    pub rank: u32,
    pub text: String,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: VecDeque<LogLine>,
    /// Per rank, the bytes of a line that has not ended.
    partial: Vec<Vec<u8>>,
    next: u64,
    /// Redacted: engines log the arguments they were started with.
    key: Option<String>,
}

impl Log {
    pub(crate) fn new(key: Option<String>) -> Self {
        Self { key, ..Self::default() }
    }

    /// Adds bytes and returns the lines that they complete. A carriage return ends a line, too, for progress
    /// bars.
    pub(crate) fn add(&mut self, rank: u32, bytes: &[u8]) -> Vec<LogLine> {
        let rank_at = rank as usize;
        if self.partial.len() <= rank_at {
            self.partial.resize(rank_at + 1, Vec::new());
        }
        let mut complete = Vec::new();
        for &byte in bytes {
            let partial = &mut self.partial[rank_at];
            match byte {
                b'\n' | b'\r' => {
                    let line = std::mem::take(partial);
                    if !line.iter().all(u8::is_ascii_whitespace) {
                        complete.push(LogLine {
                            number: self.next,
                            rank,
                            text: redact(&strip_ansi(&line), self.key.as_deref()),
                        });
                        self.next += 1;
                    }
                }
                // The rest of a line that is too long is dropped.
                _ if partial.len() < MAX_LINE_BYTES => partial.push(byte),
                _ => {}
            }
        }
        self.lines.extend(complete.iter().cloned());
        let over = self.lines.len().saturating_sub(MAX_LINES);
        self.lines.drain(..over);
        complete
    }

    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.lines.iter().cloned().collect()
    }

    /// The number of the next line.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The lines of one rank from a line number on, as far as they are kept.
    pub(crate) fn since(&self, number: u64, rank: u32) -> Vec<String> {
        let of = |line: &&LogLine| line.number >= number && line.rank == rank;
        self.lines.iter().filter(of).map(|line| line.text.clone()).collect()
    }

    /// The last lines of one rank, for the detail of a failure.
    pub(crate) fn tail(&self, rank: u32, count: usize) -> String {
        let last: Vec<&str> = self
            .lines
            .iter()
            .rev()
            .filter(|line| line.rank == rank)
            .take(count)
            .map(|line| line.text.as_str())
            .collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// Splits text into lines, without terminal escape sequences.
pub(crate) fn split_lines(text: &str) -> Vec<LogLine> {
    let mut log = Log::default();
    log.add(0, text.as_bytes());
    log.add(0, b"\n");
    log.lines()
}

/// Replaces the API key by dots.
pub(crate) fn redact(text: &str, key: Option<&str>) -> String {
    match key.filter(|key| !key.is_empty()) {
        Some(key) => text.replace(key, "•••"),
        None => text.to_owned(),
    }
}

fn strip_ansi(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // An ANSI escape sequence ends with its first letter.
            '\u{1b}' => {
                letters.by_ref().find(char::is_ascii_alphabetic);
            }
            '\t' => plain.push(' '),
            letter if letter.is_control() => {}
            letter => plain.push(letter),
        }
    }
    plain.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_plain_and_few() {
        let mut requires_key = Log::new(Some("wd-1".to_owned()));
        assert_eq!(requires_key.add(0, b"api_key='wd-1'\n")[0].text, "api_key='•••'");
        let mut log = Log::default();
        assert_eq!(log.add(0, b"load").len(), 0);
        let lines = log.add(0, b"ing \x1b[32mok\x1b[0m\r\n\n 50%\r100%\nno");
        assert_eq!(
            lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["loading ok", " 50%", "100%"]
        );
        log.add(1, b"other\n");
        log.add(0, b"thing\n");
        assert_eq!(log.tail(0, 2), "100%\nnothing");
        log.add(0, &vec![b'x'; 5_000_000]);
        log.add(0, b"\n");
        assert_eq!(log.tail(0, 1).len(), MAX_LINE_BYTES);
        for number in 0..5000 {
            log.add(1, format!("line {number}\n").as_bytes());
        }
        assert_eq!((log.lines().len(), log.tail(1, 1)), (MAX_LINES, "line 4999".to_owned()));
        assert!(log.lines().windows(2).all(|two| two[0].number + 1 == two[1].number));
    }
}
