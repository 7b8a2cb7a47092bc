//! The arguments that the desktop program answers on the terminal, without a window. All other arguments are
//! ignored and the window opens, because desktop launchers add arguments of their own.
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use messages::{CliMessage, Lang};

/// Answers the first argument; `None` when the window shall open.
pub fn answer(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let text = text_for(args.next()?.to_str()?, Lang::from_env())?;
    // A closed pipe is only an exit code.
    let written = writeln!(std::io::stdout(), "{text}");
    Some(if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text_for(arg: &str, lang: Lang) -> Option<String> {
    let version = env!("CARGO_PKG_VERSION");
    match arg {
        "--version" | "-V" => Some(format!("whaledeck {version}")),
        "--help" | "-h" => Some(CliMessage::WindowHelp.with(lang, &[("version", version)])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_arguments_are_answered_and_no_other() {
        let version = format!("whaledeck {}", env!("CARGO_PKG_VERSION"));
        for lang in [Lang::En, Lang::Zh] {
            for arg in ["--version", "-V"] {
                assert_eq!(text_for(arg, lang).as_ref(), Some(&version));
            }
            assert!(text_for("--help", lang).is_some_and(|text| text.contains("whaledeck-cli --help")));
            for other in ["", "version", "-psn_0_1", "/home/a/b.gguf", "--hidden"] {
                assert_eq!(text_for(other, lang), None, "{other}");
            }
        }
    }
}
