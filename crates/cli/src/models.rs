//! `recommend`, `models`, `import`, `use` and `remove`: the catalogue, its verdicts and the installed models,
//! as text or JSON.
use std::path::Path;

use app::App;
use contract::{ErrorCode, ErrorView, LinkedView, Localized, ModelState, ModelView, PrecisionView, Verdict};

use crate::json::print_json;
use messages::{CliMessage, Lang, bytes};

pub async fn recommend(app: &App, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let advice = app.recommendation().await?;
    if json {
        print_json(&advice);
        return Ok(());
    }
    println!("{}", text(&advice.sentence, lang));
    if advice.download_size > 0.0 {
        println!("{}: {}", CliMessage::Download.text(lang), bytes(advice.download_size));
    }
    for note in advice.upgrade.iter().chain(&advice.gpu_note) {
        println!("{}", text(note, lang));
    }
    Ok(())
}

pub async fn models(app: &App, json: bool, lang: Lang) -> Result<(), ErrorView> {
    // First: the verdicts use the hardware that this call detects.
    let note = app.hardware().await?.gpu_note;
    let models = app.models().await?;
    if json {
        print_json(&models);
    } else {
        models.iter().for_each(|model| print!("{}", describe(model, lang)));
        note.iter().for_each(|note| println!("{}", text(note, lang)));
    }
    Ok(())
}

/// The words of a verdict.
pub fn verdict_text(verdict: Verdict, lang: Lang) -> &'static str {
    match verdict {
        Verdict::RunsWell => CliMessage::RunsWell.text(lang),
        Verdict::ShortContext => CliMessage::ShortContextOnly.text(lang),
        Verdict::Slow => CliMessage::RunsSlowly.text(lang),
        Verdict::TooLarge => CliMessage::TooLarge.text(lang),
    }
}

pub async fn import(app: &App, path: &Path, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let model = app.model_import(path).await?;
    if json {
        print_json(&model);
    } else {
        print!("{}", describe(&model, lang));
    }
    Ok(())
}

pub async fn use_precision(
    app: &App,
    model: &str,
    variant: &str,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    app.precision_use(model, variant).await?;
    if json {
        print_json(&serde_json::json!({ "model_id": model, "variant_id": variant }));
    } else {
        let values = [("model", model), ("variant", variant)];
        println!("{}", CliMessage::PrecisionUsed.with(lang, &values));
    }
    Ok(())
}

pub async fn remove(
    app: &App,
    model: &str,
    variant: Option<&str>,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    let missing = || {
        ErrorView::new(ErrorCode::ModelNotFound, "remove the model: it is not here").with("model_id", model)
    };
    let models = app.models().await?;
    let installed =
        models.iter().find(|known| known.id == model && known.disk_used > 0.0).ok_or_else(missing)?;
    let is_requested = |one: &&PrecisionView| variant.is_none_or(|id| id == one.variant_id);
    let (freed, linked) = match (&installed.path, &installed.repository) {
        (Some(_), Some(_)) => (installed.disk_used, installed.linked.clone()),
        (Some(_), None) => (0.0, Vec::new()),
        (None, _) => {
            let one = installed.precisions.iter().find(is_requested).ok_or_else(missing)?;
            (one.disk_used, one.linked.clone())
        }
    };
    app.model_remove(model, variant).await?;
    let name = variant.map_or_else(|| model.to_owned(), |variant| format!("{model} {variant}"));
    if json {
        print_json(&serde_json::json!({ "removed": model, "variant_id": variant }));
    } else {
        let name = ("name", name.as_str());
        let message = match installed.path.as_ref().filter(|_| installed.repository.is_none()) {
            Some(path) => CliMessage::ModelForgotten.with(lang, &[name, ("path", path)]),
            None => CliMessage::ModelDeleted.with(lang, &[name, ("freed", &bytes(freed))]),
        };
        println!("{message}");
        for LinkedView { program, .. } in linked {
            println!("{}", CliMessage::LinkedStay.with(lang, &[("program", &program)]));
        }
    }
    Ok(())
}

/// One line per downloaded precision.
fn installed_lines(model: &ModelView, lang: Lang) -> String {
    let line = |one: &PrecisionView| {
        let state = match one.state {
            ModelState::Downloading => CliMessage::Downloading.text(lang),
            ModelState::Paused => CliMessage::Paused.text(lang),
            ModelState::Verifying => CliMessage::Verifying.text(lang),
            ModelState::Failed => CliMessage::Failed.text(lang),
            ModelState::BuiltIn | ModelState::NotDownloaded | ModelState::Ready => {
                CliMessage::Ready.text(lang)
            }
        };
        let used = if one.in_use { CliMessage::InUse.text(lang) } else { "" };
        let linked = linked_text(&one.linked, lang);
        let problem = one.problem.as_ref().map(|problem| messages::terminal_text(problem, lang) + "\n");
        let line =
            format!("  {} ({}): {state}{used}  {}", one.precision, one.variant_id, bytes(one.disk_used));
        format!("{line}{linked}\n{}", problem.unwrap_or_default())
    };
    model.precisions.iter().map(line).collect()
}

/// What a model has as links to the files of other programs.
fn linked_text(linked: &[LinkedView], lang: Lang) -> String {
    let text = |one: &LinkedView| {
        let values = [("size", &*bytes(one.size)), ("program", &one.program)];
        CliMessage::Comma.text(lang).to_owned() + &CliMessage::LinkedFrom.with(lang, &values)
    };
    linked.iter().map(text).collect()
}

fn describe(model: &ModelView, lang: Lang) -> String {
    let verdict = match model.runs_embedded {
        true => verdict_text(model.fit.verdict, lang).to_owned(),
        false => CliMessage::OtherEngines.with(lang, &[("engines", &model.engines.join(", "))]),
    };
    let variant = model
        .variants
        .first()
        .map_or(String::new(), |variant| format!("  {} {}", variant.precision, bytes(variant.size)));
    let imported = model.path.as_ref().map_or(String::new(), |path| {
        let linked = linked_text(&model.linked, lang);
        format!("  {}\n  {path}{linked}\n", text(&model.family_note, lang))
    });
    let problem =
        model.problem.as_ref().map_or(String::new(), |problem| messages::terminal_text(problem, lang) + "\n");
    let reason = text(&model.fit.reason, lang);
    let installed = installed_lines(model, lang);
    format!("{}: {verdict}\n  {}{variant}\n  {reason}\n{installed}{imported}{problem}", model.id, model.name)
}

fn text(sentence: &Localized, lang: Lang) -> &str {
    lang.pick(&sentence.en, &sentence.zh)
}

#[cfg(test)]
mod tests {
    use contract::{FamilyKind, FitView, Place, SamplingView, VariantView};

    use super::*;

    /// A model with two local precisions: one in use, one with a paused download.
    fn model(verdict: Verdict, path: Option<&str>) -> ModelView {
        let both = |en: &str, zh: &str| Localized { en: en.into(), zh: zh.into() };
        let precision = |id: &str, state, in_use| PrecisionView {
            variant_id: id.into(),
            precision: id.to_uppercase(),
            state,
            disk_used: 4e9,
            linked: vec![LinkedView { program: "Ollama".into(), size: 3e9 }],
            problem: None,
            in_use,
            download: None,
        };
        ModelView {
            id: "a-model".into(),
            name: "A-Model".into(),
            family: FamilyKind::DenseDistill,
            family_note: both("Your own file", "你自己的文件"),
            params_total: 8e9,
            params_active: 8e9,
            context_max: 32_768,
            takes_images: false,
            hybrid: false,
            licence: "MIT".into(),
            variants: vec![VariantView {
                id: "q8_0".into(),
                precision: "Q8_0".into(),
                size: 8e9,
                size_computed: false,
                repo_hugging_face: None,
                repo_model_scope: None,
                note: None,
            }],
            fit: FitView {
                verdict,
                reason: both("Why it is so.", "原因。"),
                place: Place::Cpu,
                card: None,
                context: 8192,
                weights: 8e9,
                kv: 1e9,
                overhead: 1e9,
                needed: 10e9,
                available: 16e9,
                speed_estimate: None,
            },
            state: ModelState::Ready,
            download: None,
            disk_used: 8e9,
            linked: Vec::new(),
            precisions: vec![
                precision("q8_0", ModelState::Ready, true),
                precision("q4_k_m", ModelState::Paused, false),
            ],
            recommended: SamplingView::default(),
            runs_embedded: true,
            engines: Vec::new(),
            known_as: None,
            path: path.map(Into::into),
            repository: None,
            problem: path
                .map(|path| ErrorView::new(ErrorCode::NotAModel, "open the model").with("path", path)),
        }
    }

    #[test]
    fn every_verdict_is_described_in_both_languages() {
        let models = [
            model(Verdict::RunsWell, None),
            model(Verdict::ShortContext, None),
            model(Verdict::Slow, None),
            model(Verdict::TooLarge, Some("/models/own.gguf")),
        ];
        let text = |lang| models.iter().map(|model| describe(model, lang)).collect::<String>();
        insta::assert_snapshot!("verdicts", [Lang::En, Lang::Zh].map(text).join("\n"));
    }
}
