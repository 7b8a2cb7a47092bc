//! Detects a degenerate answer: a model that loops over the same words or lines. Two checks look at the end
//! of the text: one part copied several times in a row, and many lines of which few are different. The limits
//! are so high that code, tables and lists, whose lines differ in some word, pass. It stops nothing and does
//! not know which model writes, or why.

/// The letters at the end that are checked.
const TAIL: usize = 4000;
/// The longest part whose copies are counted.
const LONGEST: usize = 600;
/// The number of equal copies, and their least total length: short copies are common in tables and rules.
const COPIES: usize = 4;
const TOGETHER: usize = 240;
/// The least length of one repeated sign: rules of tables and headings are shorter.
const ONE_SIGN: usize = 400;
/// The last lines that are checked, and the most different lines among them.
const LINES: usize = 48;
const FEW: usize = 4;

/// The end of an answer while it grows.
#[derive(Debug, Default)]
pub(crate) struct Repetition {
    tail: Vec<char>,
    /// Letters since the last check.
    unchecked: usize,
    reported: bool,
}

impl Repetition {
    pub(crate) fn push(&mut self, text: &str) {
        self.tail.extend(text.chars());
        self.unchecked += text.chars().count();
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// Returns true once, when the end repeats itself.
    pub(crate) fn detect(&mut self) -> bool {
        if self.reported || self.unchecked < 32 {
            return false;
        }
        self.unchecked = 0;
        let tail = &self.tail[self.tail.len().saturating_sub(TAIL)..];
        self.reported = copies(tail) || few_lines(tail);
        self.reported
    }
}

/// Whether the end consists of copies of one part.
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
        // Signs without letters (rules of tables, progress bars, matrices of zeros) must repeat for longer.
        let words = part.iter().any(|letter| letter.is_alphabetic());
        let long_enough = words || tail.len() >= ONE_SIGN && run(tail, period) >= ONE_SIGN * 2;
        same && !empty && long_enough
    })
}

/// The number of letters at the end that equal the letter `period` before them.
fn run(tail: &[char], period: usize) -> usize {
    tail.iter().rev().zip(tail.iter().rev().skip(period)).take_while(|(now, before)| now == before).count()
}

/// Whether the last lines are few different lines, in any order. Numbers at their beginning are ignored.
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
