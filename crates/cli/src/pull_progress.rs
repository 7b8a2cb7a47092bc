//! Progress of a download: a bar on a terminal, a line every few seconds in a log, JSON lines for programs.
//! Bars and lines go to standard error, JSON to standard output; `pull` decides when a download ends.
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use contract::{DownloadState, DownloadView};
use indicatif::{ProgressBar, ProgressStyle};
use messages::{CliMessage, Lang, bytes};

use crate::json::print_json;
use crate::time_left::time_left;

/// Between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub struct PullProgress {
    output: Output,
    /// What was found on this computer was told.
    found_told: bool,
    lang: Lang,
}

enum Output {
    Json,
    Bar(ProgressBar),
    Lines { last: Option<(Instant, DownloadState)> },
}

impl PullProgress {
    pub fn new(json: bool, lang: Lang) -> Self {
        let output = match (json, std::io::stderr().is_terminal()) {
            (true, _) => Output::Json,
            (false, true) => Output::Bar(bar()),
            (false, false) => Output::Lines { last: None },
        };
        Self { output, found_told: false, lang }
    }

    pub fn show(&mut self, view: &DownloadView) {
        let lang = self.lang;
        // Before the transfer, more may be found.
        let known = matches!(view.state, DownloadState::Transferring | DownloadState::Ready);
        if known && !std::mem::replace(&mut self.found_told, true) {
            for text in found_lines(view, lang) {
                match &self.output {
                    Output::Json => {}
                    Output::Bar(bar) => bar.println(text),
                    Output::Lines { .. } => eprintln!("{text}"),
                }
            }
        }
        match &mut self.output {
            Output::Json => print_json(view),
            Output::Bar(bar) => {
                bar.set_length(view.total as u64);
                bar.set_position(done(view) as u64);
                bar.set_message(line(view, lang));
            }
            Output::Lines { last } => {
                let due = last.is_none_or(|(at, state)| state != view.state || at.elapsed() >= LINE_EVERY);
                if due {
                    *last = Some((Instant::now(), view.state));
                    eprintln!("{}", line(view, lang));
                }
            }
        }
    }

    /// Clears the bar before other output.
    pub fn end(&self) {
        if let Output::Bar(bar) = &self.output {
            bar.finish_and_clear();
        }
    }

    pub fn ready(&self, view: &DownloadView) {
        self.end();
        if !matches!(self.output, Output::Json) {
            let values = [("model", view.model_id.as_str()), ("size", &bytes(view.total))];
            println!("{}", CliMessage::DownloadDone.with(self.lang, &values));
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:24} {percent:>3}%  {msg}");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The bytes that the state counts.
fn done(view: &DownloadView) -> f64 {
    if view.state == DownloadState::Verifying { view.hashed } else { view.done }
}

/// The files that a program has already, a line for the linked ones and one for those that cannot be linked.
fn found_lines(view: &DownloadView, lang: Lang) -> Vec<String> {
    let mut found: BTreeMap<(&str, bool), (usize, f64)> = BTreeMap::new();
    for file in &view.files {
        if let Some(program) = &file.found_in {
            let (count, size) = found.entry((program, !file.linked)).or_default();
            (*count, *size) = (*count + 1, *size + file.size);
        }
    }
    let line = |((program, fetched), (count, size)): ((&str, bool), (usize, f64))| {
        let message = if fetched { CliMessage::FilesNotLinked } else { CliMessage::FilesLinked };
        let (count, size) = (count.to_string(), bytes(size));
        message.with(lang, &[("count", &count), ("size", &size), ("program", program)])
    };
    found.into_iter().map(line).collect()
}

/// State, bytes done and total, speed and time left.
fn line(view: &DownloadView, lang: Lang) -> String {
    let what = match view.state {
        DownloadState::Listing => CliMessage::ReadingFileList.text(lang),
        DownloadState::Transferring => CliMessage::Downloading.text(lang),
        DownloadState::Paused => CliMessage::Paused.text(lang),
        DownloadState::Verifying => CliMessage::Verifying.text(lang),
        DownloadState::Ready => CliMessage::DownloadReady.text(lang),
        DownloadState::Failed => CliMessage::Failed.text(lang),
    };
    let values = [
        ("state", what),
        ("model", &view.model_id),
        ("done", &bytes(done(view))),
        ("total", &bytes(view.total)),
    ];
    let mut text = CliMessage::DownloadLine.with(lang, &values);
    if view.state == DownloadState::Transferring && view.speed > 0.0 {
        text += &format!("{}{}/s", CliMessage::Comma.text(lang), bytes(view.speed));
        if let Some(seconds) = view.seconds_left {
            text += &time_left(seconds, lang);
        }
    }
    if let Some(seconds) = view.waiting_seconds {
        text += &CliMessage::SourceWaits.with(lang, &[("seconds", &format!("{seconds:.0}"))]);
    }
    text
}

#[cfg(test)]
mod tests {
    use contract::{DownloadFileView, SourceKind};

    use super::*;

    fn view() -> DownloadView {
        DownloadView {
            id: "m/v".into(),
            model_id: "m".into(),
            variant_id: "v".into(),
            source: SourceKind::HuggingFace,
            state: DownloadState::Transferring,
            total: 9e9,
            done: 1.2e9,
            verified: 0.0,
            hashed: 0.0,
            speed: 24e6,
            seconds_left: Some(325.0),
            waiting_seconds: None,
            files: Vec::new(),
            error: None,
            alternative: None,
        }
    }

    #[test]
    fn progress_is_told_in_both_languages() {
        let view = view();
        assert_eq!(line(&view, Lang::En), "downloading m: 1.2 GB of 9 GB, 24 MB/s, 5 min left");
        assert_eq!(line(&view, Lang::Zh), "正在下载 m：1.2 GB / 9 GB，24 MB/s，还需 5 分钟");
        let waiting = DownloadView { speed: 0.0, waiting_seconds: Some(57.2), ..view.clone() };
        let expected = "downloading m: 1.2 GB of 9 GB, the source asks to wait 57 s";
        assert_eq!(line(&waiting, Lang::En), expected);
        let checking = DownloadView { state: DownloadState::Verifying, hashed: 3e9, ..view };
        assert_eq!(line(&checking, Lang::En), "verifying m: 3 GB of 9 GB");
    }

    #[test]
    fn what_is_here_already_is_told_by_program() {
        let file = |program: Option<&str>, linked| DownloadFileView {
            path: "m.gguf".into(),
            size: 2e9,
            done: 0.0,
            verified: linked,
            found_in: program.map(Into::into),
            linked,
        };
        let ollama = Some("Ollama");
        let files = [file(ollama, true), file(ollama, true), file(ollama, false), file(None, false)];
        let view = DownloadView { files: files.into(), ..view() };
        insta::assert_snapshot!(
            "found",
            [Lang::En, Lang::Zh].map(|lang| found_lines(&view, lang).join("\n")).join("\n")
        );
    }
}
