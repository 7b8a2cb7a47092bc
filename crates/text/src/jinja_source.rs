//! Rewrites template source where minijinja differs from Python's Jinja: `'%s' % x`, `~`, tuples, and the
//! `generation` tags. The rewritten source calls filters and functions that this crate registers.
//!
//! Works on tokens only. Source that cannot be parsed is left unchanged, so that minijinja reports the error.

/// Names of the registered functions and filters; no published template uses them.
pub const TUPLE: &str = "__tuple";
pub const FORMAT: &str = "__format";
pub const STR: &str = "__str";

const KEYWORDS: [&str; 14] =
    ["in", "and", "or", "not", "if", "else", "elif", "is", "set", "for", "recursive", "with", "do", "return"];

/// The template rewritten for minijinja.
pub fn adapt(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min() {
        let (before, block) = rest.split_at(at);
        out.push_str(before);
        if block.starts_with("{#") {
            let Some(end) = block.find("#}") else { return out + block };
            out.push_str(&block[..end + 2]);
            rest = &block[end + 2..];
            continue;
        }
        let Some((tokens, len)) = lex(block) else { return out + block };
        let first = tokens.iter().find(|token| token.kind != Kind::Space);
        let word = first.filter(|token| block.starts_with("{%") && token.kind == Kind::Word);
        let word = word.map_or("", |token| token.text);
        out.push_str(&rewrite_block(&tokens, word));
        rest = &block[len..];
        if word == "raw" {
            let Some(end) = rest.find("endraw") else { return out + rest };
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            // The `{%` of the endraw block is already copied.
            let Some(close) = rest.find("%}") else { return out + rest };
            out.push_str(&rest[..close + 2]);
            rest = &rest[close + 2..];
        }
    }
    out + rest
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// White space, and the delimiters of the block.
    Space,
    String,
    /// A name, a keyword or a number.
    Word,
    Punctuation,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    /// The number of brackets open around it; a bracket does not count itself.
    depth: usize,
}

/// The tokens of the block at the start, with its delimiters, and its length.
fn lex(block: &str) -> Option<(Vec<Token<'_>>, usize)> {
    let close = if block.starts_with("{{") { "}}" } else { "%}" };
    let mut begin = 2;
    begin += usize::from(block[begin..].starts_with(['-', '+']));
    let mut tokens = vec![Token { kind: Kind::Space, text: &block[..begin], depth: 0 }];
    let (mut at, mut depth) = (begin, 0usize);
    loop {
        let rest = &block[at..];
        let letter = rest.chars().next()?;
        let signed = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        if depth == 0 && signed.starts_with(close) {
            let len = rest.len() - signed.len() + 2;
            tokens.push(Token { kind: Kind::Space, text: &rest[..len], depth });
            return Some((tokens, at + len));
        }
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let until = |stop: &dyn Fn(char) -> bool| rest.find(stop).unwrap_or(rest.len());
        let (kind, len) = match letter {
            '\'' | '"' => (Kind::String, quoted(rest)?),
            letter if letter.is_whitespace() => (Kind::Space, until(&|letter| !letter.is_whitespace())),
            letter if is_word(letter) => (Kind::Word, until(&|letter| !is_word(letter))),
            letter => (Kind::Punctuation, letter.len_utf8()),
        };
        depth -= usize::from(matches!(letter, ')' | ']' | '}') && depth > 0);
        tokens.push(Token { kind, text: &rest[..len], depth });
        depth += usize::from(matches!(letter, '(' | '[' | '{'));
        at += len;
    }
}

/// The length of a string with its quotes.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn rewrite_block(tokens: &[Token], word: &str) -> String {
    match word {
        "generation" | "endgeneration" => {
            let scope = word.replace("generation", "with");
            tokens.iter().map(|token| if token.text == word { scope.as_str() } else { token.text }).collect()
        }
        // Names bound by a loop or an assignment come before `in` or `=` and are not rewritten.
        "for" | "set" => {
            let ends = |token: &Token| token.depth == 0 && matches!(token.text, "in" | "=");
            let end = tokens.iter().position(ends).unwrap_or(tokens.len());
            tokens[..end].iter().map(|token| token.text).collect::<String>() + &expression(&tokens[end..])
        }
        _ => expression(tokens),
    }
}

/// Splits at operators that bind weaker than `~`. Operands of `~` are converted with Python's `str`.
fn expression(tokens: &[Token]) -> String {
    let Some(depth) = tokens.iter().map(|token| token.depth).min() else { return String::new() };
    let weaker = |token: &Token| match token.kind {
        Kind::Punctuation => matches!(token.text, "," | "~" | "+" | "-" | "<" | ">" | "=" | "!" | ":"),
        Kind::Word => KEYWORDS.contains(&token.text),
        Kind::Space | Kind::String => false,
    };
    let mut out = String::new();
    let mut from = 0;
    let mut before = "";
    while from <= tokens.len() {
        let found = tokens[from..].iter().position(|token| token.depth == depth && weaker(token));
        let end = found.map_or(tokens.len(), |at| from + at);
        let after = tokens.get(end).map_or("", |token| token.text);
        out.push_str(&operand(&tokens[from..end], before == "~" || after == "~"));
        out.push_str(after);
        (before, from) = (after, end + 1);
    }
    out
}

/// An operand without operators weaker than `~`: rewrites `%` formats and tuples, and converts to a string on
/// request.
fn operand(tokens: &[Token], as_string: bool) -> String {
    let blank = |token: &&Token| token.kind == Kind::Space;
    let lead = tokens.iter().take_while(blank).count();
    let tail = tokens[lead..].iter().rev().take_while(blank).count();
    let (core, end) = (&tokens[lead..tokens.len() - tail], &tokens[tokens.len() - tail..]);
    let text = |tokens: &[Token]| tokens.iter().map(|token| token.text).collect::<String>();
    let mut inner = String::new();
    let mut at = 0;
    let mut previous: Option<Token> = None;
    while at < core.len() {
        let token = core[at];
        let next = match token.text {
            "(" | "[" | "{" => {
                let close = closing(core, at);
                let content = &core[at + 1..close];
                let called = previous.is_some_and(|before| {
                    matches!(before.kind, Kind::Word | Kind::String) || matches!(before.text, ")" | "]")
                });
                let inside = token.depth + 1;
                let comma = |token: &Token| token.text == "," && token.depth == inside;
                if token.text == "(" && !called && content.iter().any(comma) {
                    inner.push_str(TUPLE);
                }
                inner.push_str(token.text);
                inner.push_str(&expression(content));
                close
            }
            "%" if previous.is_some_and(|before| before.kind == Kind::String) => {
                let end = postfix_end(core, at + 1);
                let argument = expression(&core[at + 1..end]);
                inner.push_str(&format!("|{FORMAT}({})", argument.trim()));
                at = end;
                previous = None;
                continue;
            }
            text => {
                inner.push_str(text);
                at + 1
            }
        };
        if token.kind != Kind::Space {
            previous = Some(token);
        }
        at = next;
    }
    let literal = core.len() == 1 && core[0].kind == Kind::String;
    if as_string && !literal && !core.is_empty() {
        inner = format!("({inner})|{STR}");
    }
    text(&tokens[..lead]) + &inner + &text(end)
}

/// The index of the closing bracket, or the end.
fn closing(tokens: &[Token], open: usize) -> usize {
    let depth = tokens[open].depth;
    let closes = |token: &Token| token.depth == depth && matches!(token.text, ")" | "]" | "}");
    tokens[open + 1..].iter().position(closes).map_or(tokens.len(), |at| open + 1 + at)
}

/// The end of a value with its postfix operators: attributes, items, calls and filters.
fn postfix_end(tokens: &[Token], from: usize) -> usize {
    let skip_space = |mut at: usize| {
        while tokens.get(at).is_some_and(|token| token.kind == Kind::Space) {
            at += 1;
        }
        at
    };
    let mut at = skip_space(from);
    let mut end = at;
    let mut wants_value = true;
    while let Some(token) = tokens.get(at) {
        at = match token.text {
            "(" | "[" | "{" => {
                wants_value = false;
                (closing(tokens, at) + 1).min(tokens.len())
            }
            "." | "|" => {
                wants_value = true;
                at + 1
            }
            _ if token.kind != Kind::Punctuation && wants_value => {
                wants_value = false;
                at + 1
            }
            _ => break,
        };
        end = at;
        at = skip_space(at);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expect: &str) {
        assert_eq!(adapt(source), expect);
    }

    #[test]
    fn only_what_is_read_differently_is_spelled_differently() {
        for same in [
            "{{ a }} text ~ % (1, 2)",
            "{%- for (a, b) in c.items() %}{{ f(a, b) }}{% endfor -%}",
            "{{ 7 % 3 }}{{ a % b }}{{ (a) }}{{ (a + b) * 2 }}{{ 'a' ~ 'b' }}",
            "{# ('%s' % a) #}{% raw %}{{ (1, 2) }}{% endraw %}{{ {'a': {}} }}",
            "{% set a, (b, c) = d %}{% macro f(a, b) %}{% endmacro %}",
            "{%}",
            "{{ 'unclosed",
        ] {
            check(same, same);
        }
        check("{{ (1, 2) }}", "{{ __tuple(1, 2) }}");
        check("{% for x in (1, (2, 3)) %}", "{% for x in __tuple(1, __tuple(2, 3)) %}");
        check("{{ a.startswith(('x', 'y')) }}", "{{ a.startswith(__tuple('x', 'y')) }}");
        check("{{ '%s' % a }}", "{{ '%s' |__format(a) }}");
        check("{{- '%s%s' % (a, b|trim) -}}", "{{- '%s%s' |__format(__tuple(a, b|trim)) -}}");
        check("{{ '%s' % m['a'].b(c)|upper + 'x' }}", "{{ '%s' |__format(m['a'].b(c)|upper) + 'x' }}");
        check("{{ 'a' ~ b ~ c.d|e }}", "{{ 'a' ~ (b)|__str ~ (c.d|e)|__str }}");
        check("{{ f(a ~ 1) + 'x' }}", "{{ f((a)|__str ~ (1)|__str) + 'x' }}");
        check("{% if a ~ b == 'c' %}", "{% if (a)|__str ~ (b)|__str == 'c' %}");
        check("{%- generation -%}{% endgeneration %}", "{%- with -%}{% endwith %}");
    }
}
