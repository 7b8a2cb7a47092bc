//! Stop strings while streaming: what might be the beginning of one is held back until it is decided.

/// Watches the text of one answer.
pub struct StopStrings {
    stops: Vec<String>,
    held: String,
}

/// What may be shown now, and whether the answer ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped {
    pub text: String,
    pub ended: bool,
}

impl StopStrings {
    pub fn new(stops: Vec<String>) -> Self {
        Self { stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(), held: String::new() }
    }

    /// Adds text; the stop string itself is never shown.
    pub fn push(&mut self, text: &str) -> Stopped {
        self.held.push_str(text);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(at);
            return Stopped { text: std::mem::take(&mut self.held), ended: true };
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        Stopped { text: std::mem::replace(&mut self.held, rest), ended: false }
    }

    /// What was held back, at the end.
    pub fn flush(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Bytes at the end of `text` that begin `stop`.
pub(crate) fn overlap(text: &str, stop: &str) -> usize {
    let longest = text.len().min(stop.len().saturating_sub(1));
    (1..=longest).rev().find(|&n| stop.is_char_boundary(n) && text.ends_with(&stop[..n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let mut watch = StopStrings::new(stops.iter().map(|s| (*s).to_owned()).collect());
        let mut shown = String::new();
        for piece in pieces {
            let Stopped { text, ended } = watch.push(piece);
            shown += &text;
            if ended {
                return (shown, true);
            }
        }
        (shown + &watch.flush(), false)
    }

    #[test]
    fn a_stop_across_pieces_is_found_and_a_false_start_is_shown() {
        assert_eq!(run(&["END"], &["ab E", "N", "D more"]), ("ab ".into(), true));
        assert_eq!(run(&["END"], &["ab E", "N", "X"]), ("ab ENX".into(), false));
        assert_eq!(run(&["停止"], &["好停", "止了"]), ("好".into(), true));
        assert_eq!(run(&["b", "ab"], &["xab"]), ("x".into(), true));
        assert_eq!(run(&[""], &["all"]), ("all".into(), false));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(text in "[abc]{0,30}", cut in 0usize..30) {
            let cut = cut.min(text.len());
            prop_assert_eq!(run(&["abca", "cc"], &[&text]), run(&["abca", "cc"], &[&text[..cut], &text[cut..]]));
        }
    }
}
