//! Stop strings while streaming: text that may be the beginning of a stop string is held back until it is
//! decided.

/// Searches the output of one request for stop strings.
pub struct StopStrings {
    stops: Vec<String>,
    held: String,
}

/// The text to show, and the stop string that ended the answer.
#[derive(Debug, PartialEq, Eq)]
pub struct StopOutput {
    pub text: String,
    pub stop: Option<String>,
}

impl StopStrings {
    pub fn new(stops: Vec<String>) -> Self {
        Self { stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(), held: String::new() }
    }

    /// Adds text. The stop string itself is not part of the output.
    pub fn push(&mut self, text: &str) -> StopOutput {
        self.held.push_str(text);
        let found = self.stops.iter().filter_map(|stop| Some((self.held.find(stop.as_str())?, stop)));
        if let Some((at, stop)) = found.min_by_key(|(at, _)| *at) {
            self.held.truncate(at);
            return StopOutput { text: std::mem::take(&mut self.held), stop: Some(stop.clone()) };
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        StopOutput { text: std::mem::replace(&mut self.held, rest), stop: None }
    }

    /// Returns the held-back text at the end of the output.
    pub fn flush(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Length of the longest suffix of `text` that is a proper prefix of `stop`, in bytes.
pub(crate) fn overlap(text: &str, stop: &str) -> usize {
    let longest = text.len().min(stop.len().saturating_sub(1));
    (1..=longest).rev().find(|&n| stop.is_char_boundary(n) && text.ends_with(&stop[..n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (String, Option<String>) {
        let mut watch = StopStrings::new(stops.iter().map(|s| (*s).to_owned()).collect());
        let mut shown = String::new();
        for piece in pieces {
            let StopOutput { text, stop } = watch.push(piece);
            shown += &text;
            if stop.is_some() {
                return (shown, stop);
            }
        }
        (shown + &watch.flush(), None)
    }

    #[test]
    fn a_stop_across_pieces_is_found_and_a_false_start_is_shown() {
        assert_eq!(run(&["END"], &["ab E", "N", "D more"]), ("ab ".into(), Some("END".into())));
        assert_eq!(run(&["END"], &["ab E", "N", "X"]), ("ab ENX".into(), None));
        assert_eq!(run(&["停止"], &["好停", "止了"]), ("好".into(), Some("停止".into())));
        assert_eq!(run(&["b", "ab"], &["xab"]), ("x".into(), Some("ab".into())));
        assert_eq!(run(&[""], &["all"]), ("all".into(), None));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(text in "[abc]{0,30}", cut in 0usize..30) {
            let cut = cut.min(text.len());
            prop_assert_eq!(run(&["abca", "cc"], &[&text]), run(&["abca", "cc"], &[&text[..cut], &text[cut..]]));
        }
    }
}
