//! Progress of encoding the images of a prompt: one line on standard error where that is a terminal, cleared
//! before the answer starts.
use indicatif::{ProgressBar, ProgressStyle};
use messages::{CliMessage, Lang};

pub struct VisionProgressLine {
    lang: Lang,
    /// Set while images are encoded. Without a terminal it draws nothing; dropping it clears the line.
    line: Option<ProgressBar>,
}

impl VisionProgressLine {
    pub fn new(lang: Lang) -> Self {
        Self { lang, line: None }
    }

    /// Image number `image` of `images` is being encoded.
    pub fn show(&mut self, image: u32, images: u32, percent: u32) {
        let style =
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let line = self.line.get_or_insert_with(|| ProgressBar::no_length().with_style(style));
        line.set_message(message(image, images, percent, self.lang));
    }

    pub fn end(&mut self) {
        if let Some(line) = self.line.take() {
            line.finish_and_clear();
        }
    }
}

fn message(image: u32, images: u32, percent: u32, lang: Lang) -> String {
    let message = if images > 1 { CliMessage::ProcessingImageOf } else { CliMessage::ProcessingImage };
    let [image, images, percent] = [image, images, percent].map(|number| number.to_string());
    message.with(lang, &[("image", &image), ("images", &images), ("percent", &percent)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_is_said_in_both_languages() {
        assert_eq!(message(1, 1, 40, Lang::En), "Processing the image: 40%");
        assert_eq!(message(2, 3, 7, Lang::En), "Processing image 2 of 3: 7%");
        assert_eq!(message(1, 1, 40, Lang::Zh), "正在处理图片：40%");
        assert_eq!(message(2, 3, 7, Lang::Zh), "正在处理第 2 张图片，共 3 张：7%");
    }
}
