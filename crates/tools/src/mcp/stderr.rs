//! The last lines that a server's program writes to its standard error, which say why it failed. It is read
//! to its end, because a program whose pipe is full stops.
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;

const MOST_LINES: usize = 50;
/// Bytes of a line that are kept.
const LONGEST_LINE: usize = 500;

#[derive(Clone, Default)]
pub(super) struct Stderr(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    ended: VecDeque<String>,
    open: Vec<u8>,
}

impl Stderr {
    pub(super) fn read(mut pipe: ChildStderr) -> Self {
        let lines = Self::default();
        let kept = lines.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
                kept.0.lock().push(&buffer[..count]);
            }
        });
        lines
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock();
        let open = (!lines.open.is_empty()).then(|| text(&lines.open));
        lines.ended.iter().cloned().chain(open).collect()
    }
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = text(&std::mem::take(&mut self.open));
                    if !line.trim().is_empty() {
                        self.ended.push_back(line);
                    }
                    if self.ended.len() > MOST_LINES {
                        self.ended.pop_front();
                    }
                }
                byte if self.open.len() < LONGEST_LINE => self.open.push(*byte),
                _ => {}
            }
        }
    }
}

/// Without the control characters of a terminal.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // A colour ends with a letter.
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else if !letter.is_control() {
            plain.push(letter);
        }
    }
    plain.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_bounded() {
        let mut lines = Lines::default();
        lines.push(b"\x1b[31mred\x1b[0m\r\n\n");
        assert_eq!(lines.ended, ["red"]);
        for number in 0..1000 {
            lines.push(format!("{number} {}\n", "x".repeat(2000)).as_bytes());
        }
        assert_eq!(lines.ended.len(), MOST_LINES);
        assert!(lines.ended[0].starts_with("950 x") && lines.ended[0].len() == LONGEST_LINE);
        lines.push(&[0xff; 10]);
        let stderr = Stderr(Arc::new(Mutex::new(lines)));
        assert_eq!(stderr.lines().len(), MOST_LINES + 1);
    }
}
