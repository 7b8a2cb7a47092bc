//! A text from which parts are taken by positions in UTF-16 code units, as the window counts them: the parts
//! of an answer between its calls. A position inside a letter is after it.

pub(crate) struct Cut<'a> {
    rest: &'a str,
    taken: u32,
}

impl<'a> Cut<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text, taken: 0 }
    }

    /// The part up to a position; empty when that part is taken already.
    pub fn to(&mut self, position: u32) -> &'a str {
        let mut end = self.rest.len();
        for (at, letter) in self.rest.char_indices() {
            if self.taken >= position {
                end = at;
                break;
            }
            self.taken += letter.len_utf16() as u32;
        }
        let (part, rest) = self.rest.split_at(end);
        self.rest = rest;
        part
    }

    /// What is left.
    pub fn rest(self) -> &'a str {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_as_the_window_counts() {
        let mut cut = Cut::new("鲸🐋 one");
        assert_eq!((cut.to(3), cut.to(3), cut.to(2)), ("鲸🐋", "", ""));
        assert_eq!(cut.to(4), " ");
        assert_eq!((cut.to(99), cut.rest()), ("one", ""));
    }
}
