//! The last lines that an engine said, in bounds. Knows no file and no machine.
use std::collections::VecDeque;

/// Lines kept, and bytes of one; the log on the machine holds more.
const LINES: usize = 2000;
const LINE: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Counts from the first line that was seen, and never goes back.
    pub number: u64,
    /// Of which machine.
    pub rank: u32,
    pub text: String,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: VecDeque<LogLine>,
    /// What each machine has said of a line that has not ended.
    begun: Vec<Vec<u8>>,
    next: u64,
    /// Engines write down what they were started with.
    key: Option<String>,
}

impl Log {
    pub(crate) fn new(key: Option<String>) -> Self {
        Self { key, ..Self::default() }
    }

    /// The lines that the bytes complete. A carriage return begins a line anew, as progress bars do.
    pub(crate) fn add(&mut self, rank: u32, bytes: &[u8]) -> Vec<LogLine> {
        let rank_at = rank as usize;
        if self.begun.len() <= rank_at {
            self.begun.resize(rank_at + 1, Vec::new());
        }
        let mut complete = Vec::new();
        for &byte in bytes {
            let begun = &mut self.begun[rank_at];
            match byte {
                b'\n' | b'\r' => {
                    let line = std::mem::take(begun);
                    if !line.iter().all(u8::is_ascii_whitespace) {
                        complete.push(LogLine {
                            number: self.next,
                            rank,
                            text: hidden(&plain(&line), self.key.as_deref()),
                        });
                        self.next += 1;
                    }
                }
                // The end of a line without end is not kept.
                _ if begun.len() < LINE => begun.push(byte),
                _ => {}
            }
        }
        self.lines.extend(complete.iter().cloned());
        let over = self.lines.len().saturating_sub(LINES);
        self.lines.drain(..over);
        complete
    }

    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.lines.iter().cloned().collect()
    }

    /// The number that the next line gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// What one machine said since a line, as far as it is kept.
    pub(crate) fn since(&self, number: u64, rank: u32) -> Vec<String> {
        let of = |line: &&LogLine| line.number >= number && line.rank == rank;
        self.lines.iter().filter(of).map(|line| line.text.clone()).collect()
    }

    /// The last few of one machine, for a failure that has to say why.
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

/// Whole text as lines, without the colours that terminals are told.
pub fn lines_of(text: &str) -> Vec<LogLine> {
    let mut log = Log::default();
    log.add(0, text.as_bytes());
    log.add(0, b"\n");
    log.lines()
}

/// With dots in the place of a key.
pub(crate) fn hidden(text: &str, key: Option<&str>) -> String {
    match key.filter(|key| !key.is_empty()) {
        Some(key) => text.replace(key, "•••"),
        None => text.to_owned(),
    }
}

fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // A sequence of a terminal ends with its first letter.
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
        let mut keyed = Log::new(Some("wd-1".to_owned()));
        assert_eq!(keyed.add(0, b"api_key='wd-1'\n")[0].text, "api_key='•••'");
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
        assert_eq!(log.tail(0, 1).len(), LINE);
        for number in 0..5000 {
            log.add(1, format!("line {number}\n").as_bytes());
        }
        assert_eq!((log.lines().len(), log.tail(1, 1)), (LINES, "line 4999".to_owned()));
        assert!(log.lines().windows(2).all(|two| two[0].number + 1 == two[1].number));
    }
}
