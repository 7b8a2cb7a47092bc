//! `pull`: downloads a model of the catalogue or of any repository and shows the progress. Ctrl+C pauses the
//! download and prints how to resume it; downloaded bytes are kept.
use app::App;
use contract::{
    AppEvent, DownloadState, DownloadView, ErrorCode, ErrorView, ModelState, ModelView, SourceKind,
};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::args::Source;
use crate::interrupts::Interrupts;
use crate::pull_progress::PullProgress;
use crate::repositories;
use messages::Lang;

/// The arguments of `pull`.
pub struct PullRequest<'a> {
    pub model: &'a str,
    pub variant: Option<&'a str>,
    pub source: Option<Source>,
}

pub async fn pull(
    app: &App,
    mut events: UnboundedReceiver<AppEvent>,
    request: PullRequest<'_>,
    json: bool,
    lang: Lang,
) -> Result<(), ErrorView> {
    let source = request.source.map(SourceKind::from);
    // Ids of the catalogue have no slash.
    let is_repository = request.model.contains('/');
    let mut progress = PullProgress::new(json, lang);
    let mut interrupts = Interrupts::listen().await;
    let mut view = if is_repository {
        repositories::start(app, request.model, request.variant, source, json, lang).await?
    } else {
        let model = find_model(app, request.model).await?;
        let variant = variant(&model, request.variant)?;
        let source = match source {
            Some(source) => source,
            None => app.settings().await?.source,
        };
        app.download_start(&model.id, &variant, source).await?
    };
    progress.show(&view);
    let mut pausing = false;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(AppEvent::DownloadChanged { download }) if download.id == view.id => {
                    progress.show(&download);
                    view = download;
                }
                Some(_) => continue,
                None => return Err(ErrorView::new(ErrorCode::Internal, "read the events of the download")),
            },
            () = interrupts.next() => {
                // A second Ctrl+C ends at once: the bytes on disk are safe.
                if pausing {
                    return Err(paused(&view));
                }
                pausing = true;
                app.download_pause(&view.id).await?;
            }
        }
        match view.state {
            DownloadState::Ready => {
                progress.ready(&view);
                if is_repository {
                    repositories::show_added(app, &view, json, lang).await?;
                }
                return Ok(());
            }
            DownloadState::Paused => {
                progress.end();
                return Err(paused(&view));
            }
            DownloadState::Failed => {
                progress.end();
                return Err(failed(&view));
            }
            DownloadState::Listing | DownloadState::Transferring | DownloadState::Verifying => {}
        }
    }
}

async fn find_model(app: &App, id: &str) -> Result<ModelView, ErrorView> {
    let model = app.models().await?.into_iter().find(|model| model.id == id);
    let model = model.ok_or_else(|| {
        ErrorView::new(ErrorCode::ModelNotFound, "find the model in the catalogue").with("model_id", id)
    })?;
    if model.state == ModelState::BuiltIn || model.path.is_some() {
        let message = format!("download {id}: it is here already");
        return Err(ErrorView::new(ErrorCode::InvalidInput, message).with("model_id", id));
    }
    Ok(model)
}

/// The requested variant, or the recommended one, which is the first.
fn variant(model: &ModelView, named: Option<&str>) -> Result<String, ErrorView> {
    let known = model.variants.iter().map(|variant| variant.id.as_str());
    match named {
        None => known.clone().next().map(str::to_owned),
        Some(named) => known.clone().find(|id| *id == named).map(str::to_owned),
    }
    .ok_or_else(|| {
        let allowed = known.collect::<Vec<_>>().join(", ");
        let message = format!("find the variant of {}: there are {allowed}", model.id);
        ErrorView::new(ErrorCode::InvalidInput, message).with("allowed", allowed)
    })
}

fn paused(view: &DownloadView) -> ErrorView {
    let message = "download the model: you paused it";
    ErrorView::new(ErrorCode::Cancelled, message).with("command", command(view, view.source))
}

/// The failure suggests the other source; it is never used without a request.
fn failed(view: &DownloadView) -> ErrorView {
    let unknown = || ErrorView::new(ErrorCode::Internal, "download the model");
    let error = view.error.clone().unwrap_or_else(unknown).with("command", command(view, view.source));
    view.alternative.iter().fold(error, |error, other| error.with("alternative", command(view, *other)))
}

fn command(view: &DownloadView, source: SourceKind) -> String {
    let source = match source {
        SourceKind::HuggingFace => "hugging-face",
        SourceKind::ModelScope => "model-scope",
    };
    let (model, variant) = (&view.model_id, &view.variant_id);
    match model.contains('/') {
        true => format!("whaledeck-cli pull {model}:{variant} --source {source}"),
        false => format!("whaledeck-cli pull {model} --variant {variant} --source {source}"),
    }
}
