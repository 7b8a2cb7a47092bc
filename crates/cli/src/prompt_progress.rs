//! Progress of a prompt before the first token, its images and its text: one line on standard error where
//! that is a terminal, cleared before the answer starts.
use contract::AnswerEvent;
use indicatif::{ProgressBar, ProgressStyle};
use messages::{CliMessage, Lang};

use crate::time_left::time_left;

pub struct PromptProgressLine {
    lang: Lang,
    /// Set while there is progress. Without a terminal it draws nothing; dropping it clears the line.
    line: Option<ProgressBar>,
}

impl PromptProgressLine {
    pub fn new(lang: Lang) -> Self {
        Self { lang, line: None }
    }

    /// Shows an event that reports progress; any other ends the line.
    pub fn follow(&mut self, event: Option<&AnswerEvent>) {
        match event.and_then(|event| message(event, self.lang)) {
            Some(text) => {
                let style = ProgressStyle::with_template("{msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner());
                let line = self.line.get_or_insert_with(|| ProgressBar::no_length().with_style(style));
                line.set_message(text);
            }
            None => {
                if let Some(line) = self.line.take() {
                    line.finish_and_clear();
                }
            }
        }
    }
}

fn message(event: &AnswerEvent, lang: Lang) -> Option<String> {
    match *event {
        // The last image is encoded at 100 %: the prompt follows.
        AnswerEvent::Looking { picture, pictures, percent, .. } if picture < pictures || percent < 100 => {
            let message =
                if pictures > 1 { CliMessage::ProcessingImageOf } else { CliMessage::ProcessingImage };
            let [image, images, percent] = [picture, pictures, percent].map(|number| number.to_string());
            Some(message.with(lang, &[("image", &image), ("images", &images), ("percent", &percent)]))
        }
        AnswerEvent::Reading { processed, total, seconds_left: Some(seconds), .. } => {
            let percent = u64::from(processed) * 100 / u64::from(total.max(1));
            let reading = CliMessage::ReadingPrompt.with(lang, &[("percent", &percent.to_string())]);
            Some(reading + &time_left(seconds, lang))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looking(picture: u32, pictures: u32, percent: u32) -> AnswerEvent {
        AnswerEvent::Looking { message_id: String::new(), picture, pictures, percent }
    }

    #[test]
    fn progress_is_said_in_both_languages() {
        let said = |event: &AnswerEvent, lang| message(event, lang).expect("is progress");
        assert_eq!(said(&looking(1, 1, 40), Lang::En), "Processing the image: 40%");
        assert_eq!(said(&looking(2, 3, 7), Lang::En), "Processing image 2 of 3: 7%");
        assert_eq!(said(&looking(1, 1, 40), Lang::Zh), "正在处理图片：40%");
        assert_eq!(said(&looking(2, 3, 7), Lang::Zh), "正在处理第 2 张图片，共 3 张：7%");
        let reading = |seconds_left| AnswerEvent::Reading {
            message_id: String::new(),
            processed: 512,
            total: 2048,
            seconds_left,
        };
        assert_eq!(said(&reading(Some(30.0)), Lang::En), "Reading the prompt: 25%, 30 s left");
        assert_eq!(said(&reading(Some(30.0)), Lang::Zh), "正在读取提示词：25%，还需 30 秒");
        assert_eq!(message(&reading(None), Lang::En), None, "nothing is computed yet");
        assert_eq!(message(&looking(1, 1, 100), Lang::En), None, "the prompt follows");
    }
}
