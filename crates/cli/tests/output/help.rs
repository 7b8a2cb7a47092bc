//! `--help` of the program and of every command, as snapshots.
//! The commands are taken from the help texts themselves, so that a new one cannot be forgotten.
use crate::program::Program;

#[test]
fn every_command_explains_itself() {
    let program = Program::new();
    let help = program.stdout(&["--help"]);
    let commands = commands_of(&help);
    assert!(commands.len() > 15, "{commands:?}");
    insta::assert_snapshot!("help", help);
    for command in &commands {
        insta::assert_snapshot!(format!("help_{command}"), with_subcommands(&program, &[command]));
    }
}

/// The help of a command and below it that of each of its subcommands.
fn with_subcommands(program: &Program, path: &[&str]) -> String {
    let own = program.stdout(&[path, &["--help"]].concat());
    let mut text = format!("$ whaledeck-cli {} --help\n{own}", path.join(" "));
    for subcommand in commands_of(&own) {
        text.push('\n');
        text.push_str(&with_subcommands(program, &[path, &[subcommand.as_str()]].concat()));
    }
    text
}

/// The names under `Commands:`, without `help`.
fn commands_of(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list.take_while(|line| !line.is_empty()).filter_map(|line| {
        // A further paragraph of a command is indented deeper.
        let name = line.strip_prefix("  ").filter(|name| !name.starts_with(' '))?;
        name.split_whitespace().next()
    });
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}
