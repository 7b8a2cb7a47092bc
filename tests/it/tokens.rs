//! Rust sources as names and signs: without comments, texts, and items that are for tests only.
//! It is no parser: it knows just enough for `imports` to find the paths that a file uses.

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    Name(String),
    /// `::`
    PathSep,
    Sign(char),
}

/// Words that an item begins with, behind its attributes and visibility.
const ITEMS: [&str; 13] = [
    "fn", "mod", "impl", "struct", "enum", "trait", "use", "const", "static", "type", "async", "unsafe",
    "extern",
];

pub fn tokens(text: &str) -> Vec<Token> {
    without_tests(&all(text))
}

fn all(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let letter = |at: usize| letters.get(at).copied().unwrap_or('\0');
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < letters.len() {
        match letter(at) {
            '/' if letter(at + 1) == '/' => {
                while at < letters.len() && letter(at) != '\n' {
                    at += 1;
                }
            }
            '/' if letter(at + 1) == '*' => {
                at += 2;
                while at < letters.len() && (letter(at), letter(at + 1)) != ('*', '/') {
                    at += 1;
                }
                at += 2;
            }
            '"' => at = behind_text(&letters, at + 1),
            // `'a'` and `'\n'` are letters, `'a` is a lifetime.
            '\'' if letter(at + 1) == '\\' => {
                at += 3;
                while at < letters.len() && letter(at) != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' => at += if letter(at + 2) == '\'' { 3 } else { 1 },
            ':' if letter(at + 1) == ':' => {
                tokens.push(Token::PathSep);
                at += 2;
            }
            first if first.is_alphanumeric() || first == '_' => {
                let start = at;
                while letter(at).is_alphanumeric() || letter(at) == '_' {
                    at += 1;
                }
                let word: String = letters[start..at].iter().collect();
                let hashes = letters[at..].iter().take_while(|letter| **letter == '#').count();
                if matches!(word.as_str(), "r" | "br" | "cr") && letter(at + hashes) == '"' {
                    at = behind_raw_text(&letters, at + hashes + 1, hashes);
                } else {
                    tokens.push(Token::Name(word));
                }
            }
            space if space.is_whitespace() => at += 1,
            sign => {
                tokens.push(Token::Sign(sign));
                at += 1;
            }
        }
    }
    tokens
}

fn behind_text(letters: &[char], mut at: usize) -> usize {
    while at < letters.len() && letters[at] != '"' {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn behind_raw_text(letters: &[char], mut at: usize, hashes: usize) -> usize {
    let ends = |at: usize| {
        letters[at] == '"'
            && letters[at + 1..].iter().take(hashes).filter(|letter| **letter == '#').count() == hashes
    };
    while at < letters.len() && !ends(at) {
        at += 1;
    }
    at + 1 + hashes
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let Some(behind) = attribute(tokens, at) else {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        };
        let has = |word: &str| {
            tokens[at..behind].iter().any(|token| matches!(token, Token::Name(name) if name == word))
        };
        let for_tests = has("cfg") && has("test") && !has("not");
        at = behind;
        if for_tests {
            while let Some(behind) = attribute(tokens, at) {
                at = behind;
            }
            at = behind_item(tokens, at);
        }
    }
    kept
}

/// The token behind `#[…]`, where one begins.
fn attribute(tokens: &[Token], at: usize) -> Option<usize> {
    if !tokens[at..].starts_with(&[Token::Sign('#'), Token::Sign('[')]) {
        return None;
    }
    let mut depth = 0;
    let closes = |token: &Token| {
        depth += i32::from(*token == Token::Sign('[')) - i32::from(*token == Token::Sign(']'));
        depth == 0
    };
    let length = tokens[at + 1..].iter().position(closes)?;
    Some(at + length + 2)
}

/// An item ends with `;` or its block; a field, a variant or an arm with a comma or the end of what it is in.
fn behind_item(tokens: &[Token], mut at: usize) -> usize {
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Name(word)) => word.as_str(),
        _ => "",
    };
    let head = (at..at + 6).map(word).find(|word| ITEMS.contains(word));
    let (mut depth, block_ends) = (0, head.is_some_and(|word| word != "use"));
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Sign('{' | '(' | '[') => depth += 1,
            Token::Sign('}' | ')' | ']') if depth == 0 => return at,
            Token::Sign('}') if depth == 1 && block_ends => return at + 1,
            Token::Sign('}' | ')' | ']') => depth -= 1,
            Token::Sign(';') if depth == 0 => return at + 1,
            Token::Sign(',') if depth == 0 && head.is_none() => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

#[test]
fn comments_texts_and_tests_are_left_out() {
    let text = r##"
        use crate::a; // use crate::b;
        #[cfg(test)]
        use crate::c::{d, e};
        /* use crate::f; */
        fn g<'a>(h: &'a str) -> char { let _ = ("use i::j", r#"k" l"#, '"', '\''); 'm' }
        #[cfg(test)]
        mod tests { fn n() {} }
    "##;
    let names: Vec<String> = tokens(text)
        .into_iter()
        .filter_map(|token| match token {
            Token::Name(name) => Some(name),
            Token::PathSep | Token::Sign(_) => None,
        })
        .collect();
    assert_eq!(names.join(" "), "use crate a fn g a h a str char let _");
}
