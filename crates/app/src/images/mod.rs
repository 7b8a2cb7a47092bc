//! Images as use cases: attach, show and discard one. An image that no model could read is refused before it
//! is stored. The submodules decide which model accepts images and what they cost.
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{ErrorCode, ErrorView, PictureView};
use vision::ImageError;

mod budget;
mod support;
mod target;

pub(crate) use budget::{ImagePolicy, data_urls, image_tokens, placeholder_text};
pub(crate) use support::{ImageSupport, config_of};
pub(crate) use target::BoxTarget;

use crate::App;
use crate::blocking::blocking;
use crate::convert::{history_error, picture_view, storage_error};

impl App {
    /// Attaches an image from base64. The same bytes give the same image. An image that no message uses is
    /// deleted after a day.
    pub async fn picture_add(&self, data: String) -> Result<PictureView, ErrorView> {
        // Four letters encode three bytes, so the size is known before decoding.
        if data.len() / 4 * 3 > vision::MAX_BYTES + 3 {
            return Err(too_large(data.len() as u64 / 4 * 3));
        }
        self.attach(move || {
            STANDARD.decode(data.trim()).map_err(|error| {
                ErrorView::new(
                    ErrorCode::InvalidInput,
                    format!("read the picture: its base64 is broken: {error}"),
                )
            })
        })
        .await
    }

    /// Attaches an image from its bytes, for instance from the clipboard.
    pub async fn picture_add_bytes(&self, bytes: Vec<u8>) -> Result<PictureView, ErrorView> {
        self.attach(move || Ok(bytes)).await
    }

    /// Attaches an image file.
    pub async fn picture_add_file(&self, path: &Path) -> Result<PictureView, ErrorView> {
        let path = path.to_owned();
        let path_text = path.display().to_string();
        let added = self.attach(move || {
            let failed = |error: std::io::Error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    ErrorView::new(ErrorCode::InvalidInput, format!("read the picture: {error}"))
                }
                _ => storage_error("read the picture", &path, &error),
            };
            let file = std::fs::File::open(&path).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            if length > vision::MAX_BYTES as u64 {
                return Err(too_large(length));
            }
            let mut bytes = Vec::new();
            // The file may grow meanwhile, and a device has no length.
            file.take(vision::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
            Ok(bytes)
        });
        added.await.map_err(|error| error.with("path", path_text))
    }

    /// The image as a data URL, decoded as by the engine; a browser would show transparency and animations.
    pub async fn picture_data(&self, id: &str) -> Result<String, ErrorView> {
        let id = id.to_owned();
        let (kind, bytes) = self
            .with_history(move |history| Ok((history.image(&id)?.kind, history.image_bytes(&id)?)))
            .await?;
        blocking("show the picture", move || {
            let preview = vision::preview(&bytes).map_err(|error| unreadable(&error))?;
            Ok(match preview {
                Some(png) => data_url("image/png", &png),
                None => data_url(&kind, &bytes),
            })
        })
        .await
    }

    /// Deletes an attached image, unless a message uses it.
    pub async fn picture_discard(&self, id: &str) -> Result<(), ErrorView> {
        let id = id.to_owned();
        self.with_history(move |history| history.image_discard(&id)).await
    }

    async fn attach(
        &self,
        read: impl FnOnce() -> Result<Vec<u8>, ErrorView> + Send + 'static,
    ) -> Result<PictureView, ErrorView> {
        let history = self.chats_file.writable()?;
        blocking("read the picture", move || store_image(&history, &read()?)).await
    }
}

/// Decodes the image as the engine will, and stores it if it is valid.
pub(crate) fn store_image(history: &history::History, bytes: &[u8]) -> Result<PictureView, ErrorView> {
    let picture = vision::decode(bytes).map_err(|error| unreadable(&error))?;
    let kind = vision::media_type(bytes).ok_or_else(|| unreadable(&ImageError::Format))?;
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let stored = history.image_add(bytes, kind, side(picture.width), side(picture.height));
    stored.map(picture_view).map_err(history_error)
}

pub(crate) fn data_url(kind: &str, bytes: &[u8]) -> String {
    let mut url = format!("data:{kind};base64,");
    STANDARD.encode_string(bytes, &mut url);
    url
}

fn too_large(bytes: u64) -> ErrorView {
    let message = format!("attach the picture: it has {bytes} bytes, and {} are taken", vision::MAX_BYTES);
    ErrorView::new(ErrorCode::PictureTooLarge, message).with("size", bytes)
}

pub(crate) fn unreadable(error: &ImageError) -> ErrorView {
    let view = |code| ErrorView::new(code, error.to_string());
    match error {
        ImageError::TooManyBytes { bytes, .. } => too_large(*bytes as u64),
        ImageError::TooLarge { width, height, .. } => {
            view(ErrorCode::PictureTooLarge).with("pixels", format!("{width}×{height}"))
        }
        ImageError::Format => view(ErrorCode::PictureKindUnknown),
        ImageError::Broken(_) => view(ErrorCode::InvalidImage),
    }
}
