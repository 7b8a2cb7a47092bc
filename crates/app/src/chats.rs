//! Conversations as use cases: list, search, create, change, delete, choose a branch.
use contract::{AppEvent, ChatSummary, ChatView, ErrorCode, ErrorView, SamplingView};
use history::{ChatSettings, HistoryError};

use crate::App;
use crate::chats_file::blocking;
use crate::convert::{chat_view, history_error, sampling_json, summary};
use crate::deployments::deployment_model;
use crate::models::advised_sampling;

impl App {
    /// The latest first.
    pub async fn chats(&self) -> Result<Vec<ChatSummary>, ErrorView> {
        Ok(self.with_history(|history| history.chats()).await?.into_iter().map(summary).collect())
    }

    pub async fn chats_search(&self, query: &str) -> Result<Vec<ChatSummary>, ErrorView> {
        let query = query.to_owned();
        Ok(self.with_history(move |history| history.search(&query)).await?.into_iter().map(summary).collect())
    }

    pub async fn chat_create(&self, model_id: &str) -> Result<ChatView, ErrorView> {
        let advised = match deployment_model(model_id) {
            Some(id) => self.deployments.advised(id)?,
            None => advised_sampling(&self.own_models, model_id)?,
        };
        let settings = ChatSettings {
            model_id: model_id.to_owned(),
            preset_id: "deepseek".into(),
            sampling: sampling_json(&advised)?,
            system_prompt: String::new(),
        };
        let chat = self.with_history(move |history| history.chat_create(&settings)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        chat_view(chat)
    }

    pub async fn chat_get(&self, id: &str) -> Result<ChatView, ErrorView> {
        let id = id.to_owned();
        chat_view(self.with_history(move |history| history.chat(&id)).await?)
    }

    pub async fn chat_rename(&self, id: &str, title: &str) -> Result<(), ErrorView> {
        let (id, title) = (id.to_owned(), title_of(title));
        if title.is_empty() {
            return Err(ErrorView::new(ErrorCode::InvalidInput, "rename the chat: the title is empty"));
        }
        self.with_history(move |history| history.chat_rename(&id, &title)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        Ok(())
    }

    /// Stops an answer that is being written, then deletes.
    pub async fn chat_delete(&self, id: &str) -> Result<(), ErrorView> {
        self.answer_stop(id).await?;
        let id = id.to_owned();
        self.with_history(move |history| history.chat_delete(&id)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        Ok(())
    }

    /// Deletes a message with everything after it. Refused while an answer is being written there.
    pub async fn message_delete(&self, chat_id: &str, message_id: &str) -> Result<ChatView, ErrorView> {
        let _turn = self.running.begin(chat_id)?;
        let (chat, message) = (chat_id.to_owned(), message_id.to_owned());
        self.with_history(move |history| history.message_delete(&chat, &message)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        self.chat_get(chat_id).await
    }

    pub async fn chat_update(
        &self,
        id: &str,
        model_id: &str,
        preset_id: &str,
        sampling: SamplingView,
        system_prompt: &str,
    ) -> Result<ChatView, ErrorView> {
        check(&sampling)?;
        let settings = ChatSettings {
            model_id: model_id.to_owned(),
            preset_id: preset_id.to_owned(),
            sampling: sampling_json(&sampling)?,
            system_prompt: system_prompt.to_owned(),
        };
        let key = id.to_owned();
        self.with_history(move |history| history.chat_update(&key, &settings)).await?;
        self.chat_get(id).await
    }

    pub async fn chat_select_leaf(&self, id: &str, message_id: &str) -> Result<ChatView, ErrorView> {
        let (key, leaf) = (id.to_owned(), message_id.to_owned());
        self.with_history(move |history| history.select(&key, &leaf)).await?;
        self.chat_get(id).await
    }

    /// Runs on a thread that may wait for the disk.
    pub(crate) async fn with_history<T: Send + 'static>(
        &self,
        work: impl FnOnce(&history::History) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, ErrorView> {
        let history = self.chats_file.get()?;
        blocking(move || work(&history).map_err(history_error)).await
    }
}

/// The first line with words in it, at most 60 characters.
pub(crate) fn title_of(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

pub(crate) fn check(sampling: &SamplingView) -> Result<(), ErrorView> {
    let ranges = [
        ("temperature", sampling.temperature, 0.0..=2.0),
        ("top_p", sampling.top_p, 0.0..=1.0),
        ("min_p", sampling.min_p, 0.0..=1.0),
        ("frequency_penalty", sampling.frequency_penalty, -2.0..=2.0),
        ("presence_penalty", sampling.presence_penalty, -2.0..=2.0),
        ("repetition_penalty", sampling.repetition_penalty, 0.1..=2.0),
    ];
    match ranges.into_iter().find(|(_, value, range)| !range.contains(value)) {
        None => Ok(()),
        Some((name, value, range)) => {
            let allowed = format!("{} to {}", range.start(), range.end());
            let message = format!("change the chat: {name} is {value}, allowed is {allowed}");
            Err(ErrorView::new(ErrorCode::InvalidInput, message).with("name", name).with("allowed", allowed))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_with_words() {
        assert_eq!(title_of("\n  Which model?  \nI have 24 GB"), "Which model?");
        assert_eq!(title_of(" \n "), "");
        let long = title_of(&"显".repeat(100));
        assert_eq!(long.chars().count(), 60);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn sampling_out_of_range_is_refused_with_its_name() {
        let odd = SamplingView { temperature: f32::NAN, ..SamplingView::default() };
        assert_eq!(check(&odd).expect_err("is refused").detail["name"], "temperature");
        assert_eq!(check(&SamplingView::default()), Ok(()));
    }
}
