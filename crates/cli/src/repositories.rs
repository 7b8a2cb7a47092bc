//! `search`, and `pull` of a repository: what a source finds, the precisions of a repository with their
//! verdicts, and the model that a download made.
use app::App;
use contract::{
    DownloadView, ErrorCode, ErrorView, FileGroupView, RepositoryHitView, RepositoryView, SourceKind,
};
use messages::{CliMessage, Lang, bytes, error_message};

use crate::args::Source;
use crate::json::print_json;
use crate::models::verdict_text;

pub async fn search(
    app: &App,
    text: &str,
    source: Option<Source>,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    let hits = app.repository_search(text, source.map(SourceKind::from)).await?;
    if json {
        print_json(&hits);
        return Ok(());
    }
    match hits.first() {
        None => println!("{}", CliMessage::NothingFound.text(lang)),
        Some(first) => {
            hits.iter().for_each(|hit| println!("{}", hit_line(hit, lang)));
            println!("{}", CliMessage::HowToPull.with(lang, &[("repo", &first.repo)]));
        }
    }
    Ok(())
}

/// Starts the download of a repository. Without a precision where there are several, they are listed.
pub async fn start(
    app: &App,
    text: &str,
    precision: Option<&str>,
    source: Option<SourceKind>,
    json: bool,
    lang: Lang,
) -> Result<DownloadView, ErrorView> {
    let error = match app.repository_download(text, source, precision).await {
        Err(error) if error.code == ErrorCode::PrecisionNeeded => error,
        started => return started,
    };
    if !json {
        eprintln!("{}", CliMessage::ReadingHeaders.text(lang));
    }
    let repository = app.repository_checked(text, source).await?;
    if json {
        print_json(&repository);
    } else {
        print!("{}", describe(&repository, lang));
    }
    Err(error)
}

/// The model that a finished download added to the list.
pub async fn show_added(app: &App, view: &DownloadView, json: bool, lang: Lang) -> Result<(), ErrorView> {
    let name = format!("{}:{}", view.model_id, view.variant_id);
    let models = app.models().await?;
    let Some(model) = models.iter().find(|model| model.repository.as_ref() == Some(&name)) else {
        return Ok(());
    };
    if json {
        print_json(model);
    } else {
        println!("{}", CliMessage::HowToAsk.with(lang, &[("model", &model.id)]));
    }
    Ok(())
}

fn hit_line(hit: &RepositoryHitView, lang: Lang) -> String {
    let downloads = hit.downloads.map(|count| format!("{count:.0}"));
    let downloads = downloads.map(|count| CliMessage::DownloadCount.with(lang, &[("count", &count)]));
    let gguf = hit.gguf.filter(|gguf| *gguf).map(|_| "GGUF".to_owned());
    let gated = hit.gated.then(|| CliMessage::AccessOnRequest.text(lang).to_owned());
    let notes: Vec<String> = [gguf, hit.licence.clone(), downloads, gated].into_iter().flatten().collect();
    format!("{}  {}", hit.repo, notes.join(CliMessage::Comma.text(lang))).trim_end().to_owned()
}

fn describe(repository: &RepositoryView, lang: Lang) -> String {
    let gated = repository.gated.then(|| CliMessage::AccessOnRequest.text(lang).to_owned());
    let notes: Vec<String> = repository.licence.clone().into_iter().chain(gated).collect();
    let mut text = format!("{}  {}", repository.repo, notes.join(CliMessage::Comma.text(lang)));
    text = text.trim_end().to_owned() + "\n";
    let mut said = None;
    for group in &repository.groups {
        text += &group_lines(group, said, lang);
        said = group.problem.as_ref();
    }
    if !repository.projectors.is_empty() {
        let files = repository.projectors.join(CliMessage::Comma.text(lang));
        text += &CliMessage::ProjectorsLeftOut.with(lang, &[("files", &files)]);
        text.push('\n');
    }
    text
}

/// The name, size and verdict, and below it the reason. A problem that was just said is not said again.
fn group_lines(group: &FileGroupView, said: Option<&ErrorView>, lang: Lang) -> String {
    let size = bytes(group.size);
    if let Some(problem) = &group.problem {
        let message = error_message(problem, lang);
        let line = format!("  {}  {size}: {}\n", group.name, message.title);
        return match said == Some(problem) {
            true => line,
            false => format!("{line}    {}\n    → {}\n", message.meaning, message.next),
        };
    }
    let verdict = group.fit.as_ref().map_or("", |fit| verdict_text(fit.verdict, lang));
    let reason = group.fit.as_ref().map_or("", |fit| lang.pick(&fit.reason.en, &fit.reason.zh));
    format!("  {}  {size}: {verdict}\n    {reason}\n", group.name)
}

#[cfg(test)]
mod tests {
    use contract::{FitView, Localized, Place, Verdict};

    use super::*;

    fn group(name: &str, problem: Option<ErrorView>) -> FileGroupView {
        let fit = FitView {
            verdict: Verdict::RunsWell,
            reason: Localized { en: "Why it is so.".into(), zh: "原因。".into() },
            place: Place::Cpu,
            card: None,
            context: 8192,
            weights: 4e9,
            kv: 1e9,
            overhead: 1e9,
            needed: 6e9,
            available: 16e9,
            speed_estimate: None,
        };
        FileGroupView {
            name: name.into(),
            precision: name.into(),
            size: 4.7e9,
            files: 1,
            architecture: problem.is_none().then(|| "Qwen2".into()),
            params_total: None,
            context_max: None,
            fit: problem.is_none().then_some(fit),
            problem,
            own_facts: true,
        }
    }

    #[test]
    fn what_is_found_and_what_it_holds_is_told_in_both_languages() {
        let hit = RepositoryHitView {
            repo: "a/b-GGUF".into(),
            source: SourceKind::HuggingFace,
            downloads: Some(1234.0),
            likes: None,
            licence: Some("mit".into()),
            gated: true,
            gguf: Some(true),
        };
        let format = |name: &str| {
            let error = ErrorView::new(ErrorCode::ModelFormatUnsupported, "read the model");
            error.with("format", name).with("path", "a/b-GGUF/x.gguf")
        };
        let repository = RepositoryView {
            repo: "a/b-GGUF".into(),
            source: SourceKind::HuggingFace,
            licence: Some("mit".into()),
            gated: false,
            groups: vec![
                group("Q4_K_M", None),
                group("TQ1_0", Some(format("TQ1_0"))),
                group("UD-TQ1_0", Some(format("TQ1_0"))),
            ],
            projectors: vec!["mmproj-F16.gguf".into()],
        };
        let text = |lang| format!("{}\n{}", hit_line(&hit, lang), describe(&repository, lang));
        insta::assert_snapshot!("repository", [Lang::En, Lang::Zh].map(text).join("\n"));
    }
}
