//! Detects a degenerate answer: a model that loops over the same words or lines. Two checks look at the end
//! of the text: one part copied several times in a row, and many lines of which few are different. The limits
//! are so high that code, tables and lists, whose lines differ in some word, pass. It stops nothing and does
//! not know which model writes, or why.

/// Characters of the end that are looked at.
const TAIL: usize = 4000;
/// The longest part whose copies are counted.
const LONGEST: usize = 600;
/// Equal copies of a part, and how many letters they must be together: short parts are common in tables and
/// rules.
const COPIES: usize = 4;
const TOGETHER: usize = 240;
/// A rule of a table or a heading is one sign many times.
const ONE_SIGN: usize = 400;
/// Lines that come again with other lines between them: the same few lines in turn.
const LINES: usize = 48;
const FEW: usize = 4;

/// The end of an answer while it grows.
#[derive(Debug, Default)]
pub(crate) struct Repetition {
    tail: Vec<char>,
    /// Letters since the last look.
    fresh: usize,
    told: bool,
}

impl Repetition {
    pub(crate) fn push(&mut self, text: &str) {
        self.tail.extend(text.chars());
        self.fresh += text.chars().count();
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// True once, when the end repeats itself.
    pub(crate) fn found(&mut self) -> bool {
        if self.told || self.fresh < 32 {
            return false;
        }
        self.fresh = 0;
        let tail = &self.tail[self.tail.len().saturating_sub(TAIL)..];
        self.told = copies(tail) || few_lines(tail);
        self.told
    }
}

/// The end is a part of the text, copy after copy.
fn copies(tail: &[char]) -> bool {
    (1..=LONGEST.min(tail.len() / COPIES)).any(|period| {
        let wanted = if period == 1 { ONE_SIGN } else { (COPIES * period).max(TOGETHER) };
        if tail.len() < wanted {
            return false;
        }
        let end = &tail[tail.len() - wanted..];
        let part = &end[end.len() - period..];
        // A run of spaces is an indent or the end of a padded line.
        let empty = part.iter().all(|letter| letter.is_whitespace());
        let same = end.iter().zip(&end[period..]).all(|(before, now)| before == now);
        // Signs alone (rules of tables, progress bars, matrices of zeros) have to go on for longer.
        let words = part.iter().any(|letter| letter.is_alphabetic());
        let long_enough = words || tail.len() >= ONE_SIGN && run(tail, period) >= ONE_SIGN * 2;
        same && !empty && long_enough
    })
}

/// Letters at the end that equal the one `period` before them.
fn run(tail: &[char], period: usize) -> usize {
    tail.iter().rev().zip(tail.iter().rev().skip(period)).take_while(|(now, before)| now == before).count()
}

/// The last lines are the same few sentences, in whatever order. Numbers at the beginning do not make them
/// differ.
fn few_lines(tail: &[char]) -> bool {
    let text: String = tail.iter().collect();
    let mut lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim_start_matches(|letter: char| !letter.is_alphabetic()).trim_end())
        .filter(|line| !line.is_empty())
        .collect();
    // The first was cut by the beginning of the tail, the last is still growing.
    if lines.len() < LINES + 2 {
        return false;
    }
    lines.pop();
    let last = &lines[lines.len() - LINES..];
    let mut kinds: Vec<&str> = Vec::new();
    for line in last {
        if !kinds.contains(line) {
            kinds.push(line);
        }
    }
    // `}` and `end` alone say nothing: a line of words is longer.
    kinds.len() <= FEW && kinds.iter().map(|line| line.chars().count()).max().unwrap_or(0) >= 12
}

#[cfg(test)]
mod tests;
