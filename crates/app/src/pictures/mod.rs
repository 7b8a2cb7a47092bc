//! Pictures as use cases: attach one, look at it, take it away again. What cannot be shown to a model is refused before
//! anything is kept.
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{ErrorCode, ErrorView, PictureView};
use vision::ImageError;

mod plan;
mod sight;
mod target;

pub(crate) use plan::{Shown, data_urls, left_out, picture_tokens};
pub(crate) use sight::{Eyes, config_of};
pub(crate) use target::BoxTarget;

use crate::App;
use crate::convert::{history_error, picture_view, storage_error};

impl App {
    /// Attaches a picture whose bytes come as base64. The same bytes again are the same picture. One that no message shows
    /// is forgotten after a day.
    pub async fn picture_add(&self, data: String) -> Result<PictureView, ErrorView> {
        // Four letters for three bytes; what is longer need not be decoded to be known as too long.
        if data.len() / 4 * 3 > vision::MAX_BYTES + 3 {
            return Err(too_heavy(data.len() as u64 / 4 * 3));
        }
        self.added(move || {
            STANDARD.decode(data.trim()).map_err(|error| {
                ErrorView::new(
                    ErrorCode::InvalidInput,
                    format!("read the picture: its base64 is broken: {error}"),
                )
            })
        })
        .await
    }

    /// Attaches a picture by its bytes, as the clipboard gives them.
    pub async fn picture_add_bytes(&self, bytes: Vec<u8>) -> Result<PictureView, ErrorView> {
        self.added(move || Ok(bytes)).await
    }

    /// Attaches a picture file.
    pub async fn picture_add_file(&self, path: &Path) -> Result<PictureView, ErrorView> {
        let path = path.to_owned();
        let shown = path.display().to_string();
        let added = self.added(move || {
            let failed = |error: std::io::Error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    ErrorView::new(ErrorCode::InvalidInput, format!("read the picture: {error}"))
                }
                _ => storage_error("read the picture", &path, &error),
            };
            let file = std::fs::File::open(&path).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            if length > vision::MAX_BYTES as u64 {
                return Err(too_heavy(length));
            }
            let mut bytes = Vec::new();
            // A file may grow, and a device has no length.
            file.take(vision::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
            Ok(bytes)
        });
        added.await.map_err(|error| error.with("path", shown))
    }

    /// The whole picture as a data URL, as the engine decodes it: a browser would show transparency and animations.
    pub async fn picture_data(&self, id: &str) -> Result<String, ErrorView> {
        let id = id.to_owned();
        let (kind, bytes) = self
            .with_history(move |history| Ok((history.picture(&id)?.kind, history.picture_bytes(&id)?)))
            .await?;
        let shown = tokio::task::spawn_blocking(move || {
            let preview = vision::preview(&bytes).map_err(|error| unreadable(&error))?;
            Ok(match preview {
                Some(png) => data_url("image/png", &png),
                None => data_url(&kind, &bytes),
            })
        });
        shown
            .await
            .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("show the picture: {error}")))?
    }

    /// Takes an attached picture away; one that a message shows stays.
    pub async fn picture_discard(&self, id: &str) -> Result<(), ErrorView> {
        let id = id.to_owned();
        self.with_history(move |history| history.picture_discard(&id)).await
    }

    async fn added(
        &self,
        read: impl FnOnce() -> Result<Vec<u8>, ErrorView> + Send + 'static,
    ) -> Result<PictureView, ErrorView> {
        let history = self.chats_file.writable()?;
        let kept = tokio::task::spawn_blocking(move || keep(&history, &read()?));
        kept.await
            .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("read the picture: {error}")))?
    }
}

/// Reads the picture whole, as the engine will, and only then keeps it.
pub(crate) fn keep(history: &history::History, bytes: &[u8]) -> Result<PictureView, ErrorView> {
    let picture = vision::decode(bytes).map_err(|error| unreadable(&error))?;
    let kind = vision::media_type(bytes).ok_or_else(|| unreadable(&ImageError::Format))?;
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let kept = history.picture_add(bytes, kind, side(picture.width), side(picture.height));
    kept.map(picture_view).map_err(history_error)
}

pub(crate) fn data_url(kind: &str, bytes: &[u8]) -> String {
    let mut url = format!("data:{kind};base64,");
    STANDARD.encode_string(bytes, &mut url);
    url
}

fn too_heavy(bytes: u64) -> ErrorView {
    let message = format!("attach the picture: it has {bytes} bytes, and {} are taken", vision::MAX_BYTES);
    ErrorView::new(ErrorCode::PictureTooLarge, message).with("size", bytes)
}

fn unreadable(error: &ImageError) -> ErrorView {
    let view = |code| ErrorView::new(code, error.to_string());
    match error {
        ImageError::TooManyBytes { bytes, .. } => too_heavy(*bytes as u64),
        ImageError::TooLarge { width, height, .. } => {
            view(ErrorCode::PictureTooLarge).with("pixels", format!("{width}×{height}"))
        }
        ImageError::Format => view(ErrorCode::PictureKindUnknown),
        ImageError::Broken(_) => view(ErrorCode::InvalidImage),
    }
}
