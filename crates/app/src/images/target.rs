//! The image that the boxes of an answer refer to. The model does not name it; it is derived from the
//! conversation, and is unknown where that is ambiguous. Does not know how boxes are drawn.
use contract::PictureView;

/// The image of the boxes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BoxTarget<P = PictureView> {
    /// The conversation has no image.
    None,
    Image(P),
    /// One of several images.
    Unknown,
}

impl<P: Clone> BoxTarget<P> {
    /// `before` are the images of earlier messages in order, `attached` those of the question `text`.
    pub(crate) fn of(before: &[P], attached: &[P], text: &str) -> Self {
        let all: Vec<&P> = before.iter().chain(attached).collect();
        match (all.as_slice(), attached) {
            ([], _) => return Self::None,
            ([only], _) => return Self::Image((*only).clone()),
            _ => {}
        }
        // "The second image" counts the images of the question if it has several, or else those of the
        // conversation.
        let counted: Vec<&P> = if attached.len() > 1 { attached.iter().collect() } else { all };
        match ordinal(text) {
            Some(Ordinal::Last) => {
                return counted.last().map_or(Self::Unknown, |image| Self::Image((*image).clone()));
            }
            Some(Ordinal::Nth(n)) => {
                return counted.get(n - 1).map_or(Self::Unknown, |image| Self::Image((*image).clone()));
            }
            Some(Ordinal::Several) => return Self::Unknown,
            None => {}
        }
        match attached {
            [only] => Self::Image(only.clone()),
            _ => Self::Unknown,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ordinal {
    Nth(usize),
    Last,
    /// The question names more than one image.
    Several,
}

/// Parses "the second picture", "image 2", "第二张图", "图2", "最后一张".
fn ordinal(text: &str) -> Option<Ordinal> {
    let lower = text.to_lowercase();
    let mut found = english(&lower);
    found.extend(chinese(&lower));
    match found.len() {
        0 => None,
        1 => found.pop(),
        _ => Some(Ordinal::Several),
    }
}

const NOUNS: [&str; 10] = [
    "image",
    "images",
    "picture",
    "pictures",
    "photo",
    "photos",
    "screenshot",
    "screenshots",
    "chart",
    "one",
];

fn english(text: &str) -> Vec<Ordinal> {
    let words: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let pairs = words.windows(2);
    pairs
        .filter_map(|pair| match pair {
            [place, noun] if NOUNS.contains(noun) => nth(place),
            // "one 2" does not name an image.
            [noun, number] if NOUNS[..NOUNS.len() - 1].contains(noun) => {
                number.parse().ok().and_then(place_of)
            }
            _ => None,
        })
        .collect()
}

fn nth(word: &str) -> Option<Ordinal> {
    const WORDS: [&str; 9] =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];
    const SHORT: [&str; 9] = ["1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th"];
    if ["last", "latest", "newest"].contains(&word) {
        return Some(Ordinal::Last);
    }
    let at = WORDS.iter().zip(SHORT).position(|(long, short)| *long == word || short == word)?;
    Some(Ordinal::Nth(at + 1))
}

fn chinese(text: &str) -> Vec<Ordinal> {
    const DIGITS: &str = "一二三四五六七八九";
    let letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let number = |c: char| {
        let digit = c.to_digit(10).map(|digit| digit as usize);
        digit.or_else(|| DIGITS.chars().position(|one| one == c).map(|at| at + 1))
    };
    let mut found = Vec::new();
    for at in 0..letters.len() {
        match letters[at..] {
            ['第', n, '张' | '幅' | '个', ..] | ['图', '片', n, ..] | ['图', n, ..] => {
                found.extend(number(n).and_then(place_of));
            }
            ['最', '后', '一', '张' | '幅' | '个', ..] => found.push(Ordinal::Last),
            _ => {}
        }
    }
    found
}

fn place_of(n: usize) -> Option<Ordinal> {
    (n > 0).then_some(Ordinal::Nth(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_the_one_that_the_conversation_means() {
        use BoxTarget::{Image, None, Unknown};
        let check = |before: &[u8], attached: &[u8], text: &str, expected: BoxTarget<u8>| {
            assert_eq!(BoxTarget::of(before, attached, text), expected, "{before:?} {attached:?} {text}");
        };
        check(&[], &[], "Where is the dog?", None);
        check(&[1], &[], "Where is the dog?", Image(1));
        check(&[], &[1], "Where is the dog?", Image(1));
        check(&[1], &[2], "Where is the dog?", Image(2));
        check(&[1, 2], &[], "Where is the dog?", Unknown);
        check(&[], &[1, 2], "Where is the dog?", Unknown);
        check(&[], &[1, 2], "Where is the dog in the second picture?", Image(2));
        check(&[1, 2, 3], &[], "And in image 3?", Image(3));
        check(&[1, 2, 3], &[], "And in the last one?", Image(3));
        check(&[1, 2], &[3], "Now the first photo again", Image(1));
        check(&[1], &[2, 3], "第二张图里的狗在哪？", Image(3));
        check(&[1, 2], &[], "图 1 里呢", Image(1));
        check(&[1, 2], &[], "图片2", Image(2));
        check(&[1, 2], &[], "最后一张", Image(2));
        check(&[1, 2], &[], "Compare the first picture with the second picture", Unknown);
        check(&[1, 2], &[], "Where is it in picture 7?", Unknown);
        check(&[1, 2], &[], "Where is it in picture 0?", Unknown);
        check(&[1], &[2], "Which one is larger? Give two.", Image(2));
    }
}
