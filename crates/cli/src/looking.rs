//! How far a model is with looking at pictures: one line on the standard error where that is a terminal, gone before the first
//! word of the answer.
use app::lang::Lang;
use indicatif::{ProgressBar, ProgressStyle};

pub struct LookingLine {
    lang: Lang,
    /// While there is something to tell. It draws nothing where there is no terminal, and clears its line when it is dropped.
    line: Option<ProgressBar>,
}

impl LookingLine {
    pub fn new(lang: Lang) -> Self {
        Self { lang, line: None }
    }

    /// `picture` of `pictures` is looked at so far.
    pub fn show(&mut self, picture: u32, pictures: u32, percent: u32) {
        let style =
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let line = self.line.get_or_insert_with(|| ProgressBar::no_length().with_style(style));
        line.set_message(words(picture, pictures, percent, self.lang));
    }

    pub fn end(&mut self) {
        if let Some(line) = self.line.take() {
            line.finish_and_clear();
        }
    }
}

fn words(picture: u32, pictures: u32, percent: u32, lang: Lang) -> String {
    match (lang, pictures) {
        (Lang::En, 0 | 1) => format!("Looking at the picture: {percent}%"),
        (Lang::En, _) => format!("Looking at picture {picture} of {pictures}: {percent}%"),
        (Lang::Zh, 0 | 1) => format!("正在看图片：{percent}%"),
        (Lang::Zh, _) => format!("正在看第 {picture} 张图片，共 {pictures} 张：{percent}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_is_said_in_both_languages() {
        assert_eq!(words(1, 1, 40, Lang::En), "Looking at the picture: 40%");
        assert_eq!(words(2, 3, 7, Lang::En), "Looking at picture 2 of 3: 7%");
        assert_eq!(words(1, 1, 40, Lang::Zh), "正在看图片：40%");
        assert_eq!(words(2, 3, 7, Lang::Zh), "正在看第 2 张图片，共 3 张：7%");
    }
}
