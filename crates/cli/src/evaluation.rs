//! `evaluate`: what a preset changes, measured on the built-in test sets. The table goes to standard output,
//! progress to standard error; Ctrl+C stops.
use std::io::IsTerminal;

use app::App;
use contract::{
    ClaimVerdict, ErrorCode, ErrorView, EvaluationEvent, EvaluationMeasure, EvaluationRequest,
    EvaluationResult, EvaluationScore, EvaluationSet, ScoreInterval, ScoreSpread, UnconfirmedReason,
    WhenBusy,
};
use tokio::sync::mpsc;

use crate::args::EvaluateArgs;
use crate::interrupts::Interrupts;
use crate::json::print_json;
use messages::{CliMessage, Lang, grouped};

const SETS: [EvaluationSet; 3] = [EvaluationSet::Factual, EvaluationSet::Creative, EvaluationSet::Code];

/// With JSON it prints a line for each set.
///
/// # Errors
/// When the model cannot be asked, a value is not allowed, or Ctrl+C was pressed.
pub async fn evaluate(app: &App, args: &EvaluateArgs, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let sets = args.set.map_or(SETS.to_vec(), |set| vec![set.into()]);
    let mut interrupts = Interrupts::listen().await;
    for (at, set) in sets.into_iter().enumerate() {
        let request = EvaluationRequest {
            model_id: args.model.clone(),
            set,
            preset_id: args.preset.clone(),
            seeds: args.seeds,
            prompts: args.prompts,
            max_tokens: Some(args.max_tokens),
            when_busy: WhenBusy::Ask,
        };
        let result = run(app, request, &mut interrupts, lang).await?;
        if json {
            print_json(&result);
        } else {
            let gap = if at == 0 { "" } else { "\n" };
            print!("{gap}{}", describe(&result, lang));
        }
    }
    if !json {
        println!("{}", CliMessage::EvaluationNote.text(lang));
    }
    app.worker_stop().await
}

async fn run(
    app: &App,
    request: EvaluationRequest,
    interrupts: &mut Interrupts,
    lang: Lang,
) -> Result<EvaluationResult, ErrorView> {
    let (sender, mut events) = mpsc::unbounded_channel();
    let set = request.set;
    app.evaluation_start(request, Box::new(move |event| _ = sender.send(event))).await?;
    let mut progress = Progress::new(set, lang);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = interrupts.next() => {
                app.evaluation_stop().await?;
                continue;
            }
        };
        if let Some(EvaluationEvent::Progress { done, total }) = event {
            progress.show(done, total);
            continue;
        }
        progress.end();
        return match event {
            Some(EvaluationEvent::Finished { result }) => Ok(result),
            Some(EvaluationEvent::Failed { error }) => Err(error),
            Some(EvaluationEvent::Stopped) => {
                Err(ErrorView::new(ErrorCode::Cancelled, "evaluate: it was stopped"))
            }
            _ => Err(ErrorView::new(ErrorCode::Internal, "evaluate: the events ended early")),
        };
    }
}

/// One line that is written anew on a terminal, and a line at each tenth in a log.
struct Progress {
    set: EvaluationSet,
    lang: Lang,
    terminal: bool,
    tenth: Option<u32>,
}

impl Progress {
    fn new(set: EvaluationSet, lang: Lang) -> Self {
        Self { set, lang, terminal: std::io::stderr().is_terminal(), tenth: None }
    }

    fn show(&mut self, done: u32, total: u32) {
        let text = progress_line(self.set, done, total, self.lang);
        let tenth = Some(done * 10 / total.max(1));
        if self.terminal {
            eprint!("\r\x1b[K{text}");
        } else if tenth != self.tenth {
            eprintln!("{text}");
        }
        self.tenth = tenth;
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

fn progress_line(set: EvaluationSet, done: u32, total: u32, lang: Lang) -> String {
    let (done, total) = (grouped(done.into()), grouped(total.into()));
    CliMessage::Evaluating.with(lang, &[("set", set_name(set, lang)), ("done", &done), ("total", &total)])
}

fn set_name(set: EvaluationSet, lang: Lang) -> &'static str {
    let message = match set {
        EvaluationSet::Factual => CliMessage::FactualSet,
        EvaluationSet::Creative => CliMessage::CreativeSet,
        EvaluationSet::Code => CliMessage::CodeSet,
    };
    message.text(lang)
}

fn describe(result: &EvaluationResult, lang: Lang) -> String {
    let (prompts, seeds) = (result.prompts.to_string(), result.seeds.to_string());
    let values = [
        ("model", result.model_id.as_str()),
        ("set", set_name(result.set, lang)),
        ("preset", &result.preset_id),
        ("prompts", &prompts),
        ("seeds", &seeds),
    ];
    let mut text = CliMessage::EvaluationOf.with(lang, &values) + "\n";
    let mut rows = vec![CliMessage::EvaluationColumns.text(lang).split('|').map(str::to_owned).collect()];
    rows.extend(result.scores.iter().map(|score| row(score, lang)));
    text += &table(&rows);
    // Several measures of a set have mostly the same reason.
    let mut reasons: Vec<&str> = Vec::new();
    for reason in result.scores.iter().filter_map(|score| score.reason).map(|reason| because(reason, lang)) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    text.extend(reasons.into_iter().map(|reason| format!("{reason}\n")));
    if result.cut > 0 {
        let total = grouped(u64::from(result.prompts * result.seeds) * 2);
        let (count, limit) = (grouped(result.cut.into()), grouped(result.max_tokens.into()));
        let values = [("count", count.as_str()), ("total", &total), ("limit", &limit)];
        text += &format!("{}\n", CliMessage::AnswersCut.with(lang, &values));
    }
    text
}

fn row(score: &EvaluationScore, lang: Lang) -> Vec<String> {
    let measure = match score.measure {
        EvaluationMeasure::Right => CliMessage::AnswersRight,
        EvaluationMeasure::Distinct1 => CliMessage::Distinct1,
        EvaluationMeasure::Distinct2 => CliMessage::Distinct2,
        EvaluationMeasure::Passed => CliMessage::ProgramsPass,
    };
    let verdict = match score.verdict {
        Some(ClaimVerdict::Agrees) => CliMessage::ClaimAgrees.text(lang),
        Some(ClaimVerdict::Disagrees) => CliMessage::ClaimDisagrees.text(lang),
        Some(ClaimVerdict::CannotBeConfirmed) => CliMessage::ClaimUnconfirmed.text(lang),
        None => "-",
    };
    vec![
        measure.text(lang).to_owned(),
        spread(&score.without, lang),
        spread(&score.with, lang),
        change(score, lang),
        score.claim.map_or("-".to_owned(), |claim| signed(claim, 0, lang)),
        verdict.to_owned(),
    ]
}

fn spread(spread: &ScoreSpread, lang: Lang) -> String {
    format!("{:.1} ± {}", spread.mean * 100.0, percent(format!("{:.1}", spread.deviation * 100.0), lang))
}

fn change(score: &EvaluationScore, lang: Lang) -> String {
    let Some(relative) = score.relative else { return "-".to_owned() };
    let interval = score.relative_interval.map(|ScoreInterval { low, high }| {
        let (low, high) = (signed(low, 1, lang), signed(high, 1, lang));
        format!(" ({})", CliMessage::Interval.with(lang, &[("low", &low), ("high", &high)]))
    });
    signed(relative, 1, lang) + &interval.unwrap_or_default()
}

/// A share as percent with its sign; what rounds to 0 has a plus.
fn signed(share: f64, digits: usize, lang: Lang) -> String {
    let step = 10f64.powi(digits as i32);
    // Adding 0 makes a negative zero positive.
    let rounded = (share * 100.0 * step).round() / step + 0.0;
    percent(format!("{rounded:+.digits$}"), lang)
}

fn percent(number: String, lang: Lang) -> String {
    number + lang.pick(" %", "%")
}

fn because(reason: UnconfirmedReason, lang: Lang) -> &'static str {
    let message = match reason {
        UnconfirmedReason::OneSeed => CliMessage::OneSeed,
        UnconfirmedReason::NoBaseline => CliMessage::NoBaseline,
        UnconfirmedReason::Ceiling => CliMessage::Ceiling,
        UnconfirmedReason::Spread => CliMessage::WideSpread,
    };
    message.text(lang)
}

/// Rows of equal length in columns as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|at| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().zip(&widths).map(|(cell, wide)| cell.clone() + &" ".repeat(wide - width(cell)));
        format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Columns of a terminal, where a Chinese character takes two.
fn width(text: &str) -> usize {
    text.chars().map(|letter| if letter > '\u{2e80}' { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(measure: EvaluationMeasure, without: f64, with: f64) -> EvaluationScore {
        let spread = |mean| ScoreSpread { values: vec![mean; 3], mean, deviation: 0.0123 };
        let relative = (without > 0.0).then(|| with / without - 1.0);
        let interval = |middle: f64| ScoreInterval { low: middle - 0.05, high: middle + 0.05 };
        EvaluationScore {
            measure,
            without: spread(without),
            with: spread(with),
            difference: with - without,
            interval: Some(interval(with - without)),
            relative,
            relative_interval: relative.map(interval),
            claim: Some(0.45),
            verdict: Some(ClaimVerdict::Disagrees),
            reason: None,
        }
    }

    fn result(set: EvaluationSet, scores: Vec<EvaluationScore>) -> EvaluationResult {
        EvaluationResult {
            model_id: "guide".into(),
            set,
            preset_id: "creative".into(),
            seeds: 3,
            prompts: 20,
            max_tokens: 512,
            cut: 2,
            scores,
        }
    }

    #[test]
    fn a_result_is_a_table_in_both_languages() {
        let unconfirmed = EvaluationScore {
            verdict: Some(ClaimVerdict::CannotBeConfirmed),
            reason: Some(UnconfirmedReason::NoBaseline),
            ..score(EvaluationMeasure::Distinct2, 0.0, 0.0)
        };
        let scores = vec![score(EvaluationMeasure::Distinct1, 0.4, 0.36), unconfirmed];
        let result = result(EvaluationSet::Creative, scores);
        let text = [Lang::En, Lang::Zh].map(|lang| describe(&result, lang)).join("\n");
        insta::assert_snapshot!("table", text);
    }

    #[test]
    fn nothing_is_said_about_a_preset_without_a_claim() {
        let score = EvaluationScore {
            claim: None,
            verdict: None,
            ..score(EvaluationMeasure::Passed, 0.5, 0.49999999)
        };
        let text =
            describe(&EvaluationResult { cut: 0, ..result(EvaluationSet::Code, vec![score]) }, Lang::En);
        let last = text.lines().last().expect("a row");
        assert!(last.ends_with("+0.0 % (-5.0 % to +5.0 %)  -        -"), "{text}");
    }

    #[test]
    fn progress_is_told_in_both_languages() {
        let line = |lang| progress_line(EvaluationSet::Factual, 12, 360, lang);
        assert_eq!(line(Lang::En), "factual questions: 12 of 360 answers");
        assert_eq!(line(Lang::Zh), "事实问题：12/360 个回答");
    }
}
