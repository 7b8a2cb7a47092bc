//! Undoing what was written leaves the text of any file, and what it says is kept when the file was edited
//! since.

use connect::Program;

use crate::{Home, server, with_files};

/// A generator that gives the same numbers each time.
struct Dice {
    state: u64,
    /// Whether the program takes comments and commas at the end of lists.
    comments: bool,
}

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let index = self.roll(of.len() as u64);
        of[usize::try_from(index).expect("is small")]
    }
}

/// Names with a meaning for some program are among them.
const NAMES: [&str; 16] = [
    "a",
    "b c",
    "env",
    "provider",
    "model",
    "models",
    "agent",
    "language_models",
    "openai_compatible",
    "Whaledeck",
    "whaledeck",
    "activeModels",
    "name",
    "ANTHROPIC_MODEL",
    "model_providers",
    "\u{1f40b}",
];

fn json(dice: &mut Dice, depth: u32) -> String {
    let space = |dice: &mut Dice| {
        let all = ["", " ", "\n", "\n\n  ", "\t", " // c\n", "/* d */"];
        dice.one(if dice.comments { &all } else { &all[..5] }).to_owned()
    };
    match if depth == 0 { dice.roll(5) } else { dice.roll(9) } {
        0 => dice.one(&["1", "-2.5e3", "0"]).to_owned(),
        1 => dice.one(&["true", "false"]).to_owned(),
        2 => "null".to_owned(),
        3 | 4 => dice.one(&["\"\"", "\"x\"", "\"a \\\" // b\"", "\"\\u00e9é\""]).to_owned(),
        5 | 6 => list(dice, depth, "[", "]", &space, |dice, depth, _| json(dice, depth)),
        _ => object(dice, depth, &space),
    }
}

fn object(dice: &mut Dice, depth: u32, space: &impl Fn(&mut Dice) -> String) -> String {
    let start = dice.roll(NAMES.len() as u64);
    list(dice, depth, "{", "}", space, |dice, depth, number| {
        let index = usize::try_from((start + number * 3) % NAMES.len() as u64).expect("is small");
        format!("\"{}\"{}:{}{}", NAMES[index], space(dice), space(dice), json(dice, depth))
    })
}

fn list(
    dice: &mut Dice,
    depth: u32,
    open: &str,
    close: &str,
    space: &impl Fn(&mut Dice) -> String,
    item: impl Fn(&mut Dice, u32, u64) -> String,
) -> String {
    let count = dice.roll(4);
    let mut text = open.to_owned() + &space(dice);
    for number in 0..count {
        text += &item(dice, depth.saturating_sub(1), number);
        text += &space(dice);
        if number + 1 < count || dice.comments && dice.roll(4) == 0 {
            text += ",";
        }
        text += &space(dice);
    }
    text + close
}

fn toml(dice: &mut Dice) -> String {
    let mut text = String::new();
    let value = |dice: &mut Dice| {
        dice.one(&["1", "\"x\" # c", "'y'", "[1, 2,\n 3]", "{ a = 1 }", "1979-05-27", "true"]).to_owned()
    };
    for name in ["model", "b", "model_provider", "\"c d\"", "model_providers.dotted.name"] {
        match dice.roll(4) {
            0 => text += &format!("{name} = {}\n", value(dice)),
            1 => text += dice.one(&["\n", "# a comment\n", "  # b\n\n"]),
            _ => {}
        }
    }
    for table in
        ["t", "model_providers.other", "model_providers.whaledeck", "profiles.x.y", "[items]", "[items]"]
    {
        if dice.roll(3) == 0 {
            text += &format!("{}[{table}] {}\n", dice.one(&["", "\n", "# c\n"]), dice.one(&["", "# d"]));
            for name in ["name", "z"] {
                if dice.roll(2) == 0 {
                    text += &format!("{name} = {}\n", value(dice));
                }
            }
        }
    }
    text
}

fn yaml(dice: &mut Dice) -> String {
    let mut text = dice.one(&["", "# top\n", "---\n"]).to_owned();
    for name in ["name", "version", "rules", "models", "docs"] {
        match (name, dice.roll(4)) {
            (_, 0) => {}
            ("rules" | "models" | "docs", _) => {
                let by = dice.one(&["", "  ", "    "]);
                text += &format!("{name}:{}\n", dice.one(&["", " # c", " "]));
                for number in 0..dice.roll(4) {
                    text += dice.one(&["", "\n", "  # between\n"]);
                    text += &format!(
                        "{by}- name: {}\n{by}  x: |\n{by}    - name: y\n",
                        dice.one(&["a", "Whaledeck", "\"b\""])
                    );
                    text += &format!("{by}  list{number}:\n{by}  - 1\n{by}  -   k: v\n");
                }
            }
            _ => text += &format!("{name}: {}\n", dice.one(&["x", "'1'", "\"a # b\"", "x # c"])),
        }
    }
    text += dice.one(&["", "\n", "# end\n", "# end"]);
    text
}

fn file(dice: &mut Dice, program: Program) -> String {
    let lines = |dice: &mut Dice| {
        dice.one(if dice.comments { &["", " ", "\n", "// c\n"] } else { &["", " ", "\n"] }).to_owned()
    };
    match program {
        Program::Codex => toml(dice),
        Program::Continue => yaml(dice),
        Program::VsCode => {
            let items = list(dice, 3, "[", "]", &lines, |dice, depth, _| object(dice, depth, &lines));
            lines(dice) + &items + &lines(dice)
        }
        _ => lines(dice) + &object(dice, 3, &lines) + &lines(dice),
    }
}

#[test]
fn undoing_leaves_the_text_of_any_file() {
    let mut dice = Dice { state: 0x9e37_79b9_7f4a_7c15, comments: true };
    for program in with_files() {
        let (mut done, mut refused) = (0, 0);
        let home = Home::empty();
        dice.comments = !matches!(program, Program::ClaudeCode | Program::Obsidian);
        for _ in 0..40 {
            let text = file(&mut dice, program);
            home.write(program, &text);
            let Ok(change) = home.plan(program, &server()) else {
                refused += 1;
                continue;
            };
            change.apply(&home.backups()).expect("is written");
            let again = home.plan(program, &server()).expect("is planned");
            assert!(!again.changes(), "{program:?}\n{text}\n---\n{}", change.after);
            // The record does not fit an edited file: it is undone by structure, and says what it said.
            let mark = match program {
                Program::Codex | Program::Continue => "# mine\n",
                Program::ClaudeCode | Program::Obsidian => "\n",
                _ => "// mine\n",
            };
            home.write(program, &format!("{mark}{}\n{mark}", change.after));
            if dice.roll(2) == 0 {
                home.write(program, &change.after);
                home.undo(program).expect("is undone");
                assert_eq!(home.read(program), text, "{program:?}\n{}", change.after);
            } else if home.plan(program, &server()).is_ok() {
                home.undo(program).expect("is undone");
                let left = home.read(program);
                assert!(left.starts_with(mark) && left.ends_with(mark), "{program:?}\n{left}");
                assert_eq!(
                    home.connected(program).is_some(),
                    text.contains("127.0.0.1"),
                    "{program:?}\n{left}"
                );
            }
            done += 1;
        }
        assert!(done > 8, "{program:?}: {done} done, {refused} refused");
    }
}
