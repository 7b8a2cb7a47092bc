//! The cost of the images of a conversation for a model: whether it accepts images, the tiles of each, and
//! their tokens. `vision` has the rules of the engine. No image is omitted unless the user agrees.
use contract::{ErrorCode, ErrorView, PicturePlan, PictureView, PicturesPlan, SendRequest, Sight};
use history::{History, HistoryError};
use vision::Tiling;

use super::data_url;
use super::support::ImageSupport;
use crate::App;
use crate::convert::picture_view;

/// The most bytes of all images together: a request has them as base64, and the worker limits its size.
const MAX_TOTAL_BYTES: f64 = 45e6;

/// Whether the images of a conversation are sent to its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImagePolicy {
    Include,
    /// The user agreed that the model reads a placeholder for each image.
    Omit,
}

impl App {
    /// The cost of a prompt's images before it is sent; `pictures` are attached to the message after
    /// `parent_id`.
    pub async fn pictures_plan(
        &self,
        model_id: &str,
        parent_id: Option<&str>,
        pictures: &[String],
    ) -> Result<PicturesPlan, ErrorView> {
        let (parent, attached) = (parent_id.map(str::to_owned), pictures.to_vec());
        let (before, attached) = self
            .with_history_of(parent_id.unwrap_or_default(), move |history| {
                Ok((images_of(history, parent.as_deref())?, attached_images(history, &attached)?))
            })
            .await?;
        let all = before.len() + attached.len();
        let mut plan = PicturesPlan {
            sight: Sight::Sees,
            each: Vec::new(),
            pictures: u32::try_from(all).unwrap_or(u32::MAX),
            tokens: 0,
            context: None,
            offer: None,
        };
        match self.image_support(model_id)? {
            ImageSupport::Unknown => plan.sight = Sight::Unknown,
            ImageSupport::NotDownloaded => {}
            ImageSupport::TextOnly => {
                (plan.sight, plan.offer) = (Sight::Blind, self.vision_model_offer().await?)
            }
            ImageSupport::Supported { tiling, context } => {
                plan.each = attached.iter().map(|picture| image_cost(&tiling, picture, all)).collect();
                let earlier: u32 =
                    before.iter().map(|picture| image_cost(&tiling, picture, all).tokens).sum();
                plan.tokens = earlier + plan.each.iter().map(|one| one.tokens).sum::<u32>();
                plan.context = Some(context);
            }
        }
        Ok(plan)
    }

    /// Refuses, before anything is stored, images that the model of the chat does not accept.
    ///
    /// # Errors
    /// When the model is text-only and the user did not agree to omit the images, or there are too many
    /// images.
    pub(crate) async fn check_images(&self, request: &SendRequest) -> Result<ImagePolicy, ErrorView> {
        let asked = request.clone();
        let (model_id, pictures) = self
            .with_history_of(&request.chat_id, move |history| {
                let parent = match (&asked.continue_of, &asked.retry_of) {
                    (Some(id), _) => history.message(id)?.parent_id,
                    (None, Some(id)) => Some(id.clone()),
                    (None, None) => asked.parent_id.clone().filter(|_| !asked.leave_out_older),
                };
                let mut pictures = images_of(history, parent.as_deref())?;
                pictures.extend(attached_images(history, &asked.pictures)?);
                Ok((history.chat(&asked.chat_id)?.settings.model_id, pictures))
            })
            .await?;
        if pictures.is_empty() {
            return Ok(ImagePolicy::Include);
        }
        let support = self.image_support(&model_id)?;
        match support {
            ImageSupport::TextOnly | ImageSupport::Unknown if request.leave_out_pictures => {
                return Ok(ImagePolicy::Omit);
            }
            ImageSupport::TextOnly => return Err(self.unsupported(&model_id).await),
            ImageSupport::Unknown | ImageSupport::NotDownloaded | ImageSupport::Supported { .. } => {}
        }
        check_amount(&pictures).map(|()| ImagePolicy::Include)
    }

    async fn unsupported(&self, model_id: &str) -> ErrorView {
        let message = "show the pictures of this chat: its model reads text only";
        let error = ErrorView::new(ErrorCode::UnsupportedContent, message).with("model_id", model_id);
        match self.vision_model_offer().await {
            Ok(Some(offer)) => error.with("offer", offer.name).with("offer_id", offer.model_id),
            // The error is returned without a suggestion.
            Ok(None) | Err(_) => error,
        }
    }
}

fn check_amount(pictures: &[PictureView]) -> Result<(), ErrorView> {
    let together: f64 = pictures.iter().map(|picture| picture.size).sum();
    if pictures.len() <= vision::MAX_IMAGES && together <= MAX_TOTAL_BYTES {
        return Ok(());
    }
    let (count, most) = (pictures.len(), vision::MAX_IMAGES);
    let message =
        format!("show the pictures of this chat: {count} of together {together} bytes are too many");
    let error = ErrorView::new(ErrorCode::TooManyPictures, message);
    Err(error.with("count", count).with("most", most).with("size", together))
}

fn image_cost(tiling: &Tiling, picture: &PictureView, pictures: usize) -> PicturePlan {
    let grid = tiling.grid(picture.width as usize, picture.height as usize, pictures);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    PicturePlan {
        id: picture.id.clone(),
        columns: number(grid.width),
        rows: number(grid.height),
        tokens: number(tiling.tokens(grid)),
    }
}

pub(crate) fn image_tokens(tiling: &Tiling, picture: &PictureView, pictures: usize) -> u32 {
    image_cost(tiling, picture, pictures).tokens
}

fn images_of(history: &History, parent: Option<&str>) -> Result<Vec<PictureView>, HistoryError> {
    let path = parent.map_or_else(|| Ok(Vec::new()), |parent| history.context_path(parent))?;
    Ok(path.into_iter().flat_map(|message| message.images).map(picture_view).collect())
}

fn attached_images(history: &History, ids: &[String]) -> Result<Vec<PictureView>, HistoryError> {
    ids.iter().map(|id| history.image(id).map(picture_view)).collect()
}

/// The text for a model without images: a placeholder per image.
pub(crate) fn placeholder_text(pictures: &[PictureView], text: &str) -> String {
    let placeholder = |picture: &PictureView| {
        format!("[Here is a picture of {}x{} pixels that you cannot see.]\n", picture.width, picture.height)
    };
    pictures.iter().map(placeholder).chain([text.to_owned()]).collect()
}

/// The images as the data URLs of a request.
pub(crate) fn data_urls(history: &History, pictures: &[PictureView]) -> Result<Vec<String>, HistoryError> {
    let url = |picture: &PictureView| Ok(data_url(&picture.kind, &history.image_bytes(&picture.id)?));
    pictures.iter().map(url).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, size: f64) -> PictureView {
        PictureView { id: "p".into(), kind: "image/png".into(), width, height, size }
    }

    #[test]
    fn a_picture_costs_what_the_engine_counts() {
        let frames = (1..=9).flat_map(|w| (1..=9).map(move |h| (w, h))).filter(|(w, h)| w * h <= 9);
        let tiling = Tiling {
            candidate_resolutions: frames.map(|(w, h)| (w * 384, h * 384)).collect(),
            image_size: 384,
            patch_size: 14,
            downsample_ratio: 2,
            image_mean: [0.5; 3],
            image_std: [0.5; 3],
        };
        let cost = |width, height, pictures| {
            let plan = image_cost(&tiling, &picture(width, height, 1.0), pictures);
            (plan.columns, plan.rows, plan.tokens)
        };
        assert_eq!(cost(384, 384, 1), (1, 1, 421));
        assert_eq!(cost(768, 384, 2), (2, 1, 617));
        assert_eq!(cost(1152, 1152, 1), (3, 3, 2017));
        assert_eq!(cost(1152, 1152, 3), (1, 1, 421), "in company nothing is cut");
    }

    #[test]
    fn too_many_or_too_heavy_pictures_are_refused_with_numbers() {
        let many = vec![picture(1, 1, 10.0); 17];
        let refused = check_amount(&many).expect_err("17");
        assert_eq!((refused.code, refused.detail["count"].as_str()), (ErrorCode::TooManyPictures, "17"));
        assert!(check_amount(&many[..16]).is_ok());
        assert!(check_amount(&[picture(1, 1, 30e6), picture(1, 1, 16e6)]).is_err());
    }

    #[test]
    fn what_is_left_out_is_said() {
        let text = placeholder_text(&[picture(640, 480, 1.0)], "What is it?");
        assert_eq!(text, "[Here is a picture of 640x480 pixels that you cannot see.]\nWhat is it?");
        assert_eq!(placeholder_text(&[], "Hi"), "Hi");
    }
}
