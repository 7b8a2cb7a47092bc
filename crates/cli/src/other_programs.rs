//! `models --found`: the models in the folders of other programs, with a verdict or the reason why one does
//! not run, as text or JSON. `import` adds one by its path.
use app::App;
use contract::{ErrorView, OtherProgramModel};

use crate::json::print_json;
use crate::models::verdict_text;
use messages::{CliMessage, Lang, bytes};

pub async fn models_found(app: &App, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let models = app.models_found().await?;
    if json {
        print_json(&models);
    } else if models.is_empty() {
        println!("{}", CliMessage::NoModelsFound.text(lang));
    } else {
        models.iter().for_each(|model| print!("{}", describe(model, lang)));
        println!("{}", CliMessage::ImportHint.text(lang));
    }
    Ok(())
}

fn describe(model: &OtherProgramModel, lang: Lang) -> String {
    let added = if model.added { CliMessage::ModelAdded.text(lang) } else { "" };
    let (verdict, reason) = match (&model.fit, &model.problem) {
        (Some(fit), _) => {
            let reason = lang.pick(&fit.reason.en, &fit.reason.zh);
            (verdict_text(fit.verdict, lang), format!("  {reason}\n"))
        }
        (None, Some(problem)) => {
            (CliMessage::DoesNotRun.text(lang), messages::terminal_text(problem, lang) + "\n")
        }
        (None, None) => (CliMessage::DoesNotRun.text(lang), String::new()),
    };
    let (program, label, size) = (&model.program, &model.label, bytes(model.size));
    format!("{label}: {verdict}\n  {program}  {size}{added}\n  {}\n{reason}", model.path)
}

#[cfg(test)]
mod tests {
    use contract::{ErrorCode, FitView, Localized, Place, Verdict};

    use super::*;

    #[test]
    fn verdicts_and_reasons_are_told_in_both_languages() {
        let reason = Localized { en: "Why it is so.".into(), zh: "Zh reason".into() };
        let fit = FitView {
            verdict: Verdict::RunsWell,
            reason,
            place: Place::Cpu,
            card: None,
            context: 8192,
            weights: 8e9,
            kv: 1e9,
            overhead: 1e9,
            needed: 10e9,
            available: 16e9,
            speed_estimate: None,
        };
        let runs = OtherProgramModel {
            program: "Ollama".into(),
            label: "deepseek-r1:8b".into(),
            path: "/models/blobs/sha256-00".into(),
            size: 5.2e9,
            fit: Some(fit),
            problem: None,
            added: true,
        };
        let problem = ErrorView::new(ErrorCode::ModelNotRun, "open the model")
            .with("name", "Gemma 3")
            .with("architecture", "gemma3")
            .with("engine", "llama-server");
        let other = OtherProgramModel {
            label: "google/gemma".into(),
            fit: None,
            problem: Some(problem),
            added: false,
            ..runs.clone()
        };
        let text = |lang| [&runs, &other].map(|model| describe(model, lang)).concat();
        insta::assert_snapshot!("found", [Lang::En, Lang::Zh].map(text).join("\n"));
    }
}
