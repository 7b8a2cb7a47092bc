//! The few words that the desktop program answers on the terminal, without a window. Every other word opens the window as none
//! does: launchers of desktops add words of their own.
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use app::lang::Lang;

/// What the first word asks for; nothing where the window is to be opened.
pub fn answer(mut words: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let said = said(words.next()?.to_str()?, Lang::from_env())?;
    // A reader that went away has read enough.
    let written = writeln!(std::io::stdout(), "{said}");
    Some(if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn said(word: &str, lang: Lang) -> Option<String> {
    let version = env!("CARGO_PKG_VERSION");
    match word {
        "--version" | "-V" => Some(format!("whaledeck {version}")),
        "--help" | "-h" => Some(match lang {
            Lang::En => format!(
                "Whaledeck {version}: run DeepSeek models on your own workstation\n\nUsage: whaledeck\n\nOpens the window. \
                 In a terminal: whaledeck-cli --help\n\nOptions:\n  -h, --help     Print help\n  -V, --version  Print version"
            ),
            Lang::Zh => format!(
                "Whaledeck {version}：在自己的电脑上运行 DeepSeek 模型\n\n用法：whaledeck\n\n打开窗口。\
                 在终端里使用：whaledeck-cli --help\n\n选项：\n  -h, --help     显示帮助\n  -V, --version  显示版本"
            ),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_words_are_answered_and_no_other() {
        let version = format!("whaledeck {}", env!("CARGO_PKG_VERSION"));
        for lang in [Lang::En, Lang::Zh] {
            for word in ["--version", "-V"] {
                assert_eq!(said(word, lang).as_ref(), Some(&version));
            }
            assert!(said("--help", lang).is_some_and(|text| text.contains("whaledeck-cli --help")));
            for other in ["", "version", "-psn_0_1", "/home/a/b.gguf", "--hidden"] {
                assert_eq!(said(other, lang), None, "{other}");
            }
        }
    }
}
