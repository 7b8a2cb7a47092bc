//! Chats as use cases: list, search, create, change, delete, choose a branch.
//! `answer` writes their answers.
use std::sync::Arc;

use contract::{AppEvent, ChatSummary, ChatView, ErrorCode, ErrorView, LastChat, SamplingView, SearchHit};
use history::{ChatSettings, History, HistoryError, SearchResult};

use crate::App;
use crate::blocking::blocking;
use crate::convert::{chat_view, history_error, invalid, sampling_json, summary};
use crate::snippet::snippet;

impl App {
    /// The temporary chats, then all others, the latest first.
    pub async fn chats(&self) -> Result<Vec<ChatSummary>, ErrorView> {
        let temporary = self.chats_file.temporary_if_any();
        let chats = self.with_history(move |history| {
            let temporary = temporary.map_or_else(|| Ok(Vec::new()), |memory| memory.chats())?;
            Ok([temporary, history.chats()?].concat())
        });
        Ok(chats.await?.into_iter().map(|chat| self.summary(chat, None)).collect())
    }

    /// The chats that contain every word of the query, each with the message to open it at.
    pub async fn chats_search(&self, query: &str) -> Result<Vec<ChatSummary>, ErrorView> {
        let text = query.to_owned();
        let found = self.with_history(move |history| history.search(&text)).await?.into_iter();
        Ok(found
            .map(|SearchResult { chat, hit }| {
                let hit = hit
                    .map(|hit| SearchHit { message_id: hit.message_id, snippet: snippet(&hit.text, query) });
                self.summary(chat, hit)
            })
            .collect())
    }

    fn summary(&self, chat: history::Summary, hit: Option<SearchHit>) -> ChatSummary {
        let answering = self.running.contains(&chat.id);
        summary(chat, answering, hit)
    }

    /// Creates a chat with the recommended sampling and no system prompt.
    pub async fn chat_create(&self, model_id: &str) -> Result<ChatView, ErrorView> {
        let sampling = self.recommended_sampling(model_id)?;
        self.create_chat(model_id, "deepseek", &sampling, "", None).await
    }

    /// As [`App::chat_create`], in a folder.
    pub async fn chat_create_in(&self, model_id: &str, folder_id: &str) -> Result<ChatView, ErrorView> {
        let sampling = self.recommended_sampling(model_id)?;
        self.create_chat(model_id, "deepseek", &sampling, "", Some(folder_id)).await
    }

    /// Creates a chat with the preset and the system prompt of the last chat, in a folder or in none, and
    /// stores its model for the next one.
    pub async fn chat_create_alike(
        &self,
        model_id: &str,
        folder_id: Option<&str>,
    ) -> Result<ChatView, ErrorView> {
        let (preset_id, sampling, system_prompt) = self.choices_of_last(model_id).await?;
        let chat = self.create_chat(model_id, &preset_id, &sampling, &system_prompt, folder_id).await?;
        self.remember(&chat);
        Ok(chat)
    }

    /// Preset, sampling and system prompt of the next chat.
    async fn choices_of_last(&self, model_id: &str) -> Result<(String, SamplingView, String), ErrorView> {
        let LastChat { preset_id, sampling, system_prompt, .. } = self.settings_now().last_chat;
        let of_preset = match preset_id.as_str() {
            "custom" => sampling,
            id => self
                .presets()
                .await?
                .into_iter()
                .find(|one| one.id == id && id != "deepseek")
                .map(|one| one.sampling),
        };
        Ok(match of_preset {
            Some(sampling) => (preset_id, sampling, system_prompt),
            // DeepSeek's recommendation differs from model to model.
            None => ("deepseek".to_owned(), self.recommended_sampling(model_id)?, system_prompt),
        })
    }

    /// As [`App::chat_update`]; the next chat starts with the same values.
    pub async fn chat_update_last(
        &self,
        id: &str,
        model_id: &str,
        preset_id: &str,
        sampling: SamplingView,
        system_prompt: &str,
    ) -> Result<ChatView, ErrorView> {
        let chat = self.chat_update(id, model_id, preset_id, sampling, system_prompt).await?;
        if !chat.temporary {
            self.remember(&chat);
        }
        Ok(chat)
    }

    /// Stores the choices for the next chat. A full disk is only logged, because the chat itself is stored.
    fn remember(&self, chat: &ChatView) {
        let last_chat = LastChat {
            model_id: chat.model_id.clone(),
            preset_id: chat.preset_id.clone(),
            sampling: (chat.preset_id == "custom").then(|| chat.sampling.clone()),
            system_prompt: chat.system_prompt.clone(),
        };
        if let Err(error) = self.settings_change(|settings| settings.last_chat = last_chat) {
            tracing::warn!(%error, "failed to store the choices of the last chat");
        }
    }

    pub(crate) async fn chat_model(&self, chat_id: &str) -> Result<String, ErrorView> {
        let id = chat_id.to_owned();
        Ok(self.with_history_of(chat_id, move |history| history.chat(&id)).await?.settings.model_id)
    }

    async fn create_chat(
        &self,
        model_id: &str,
        preset_id: &str,
        sampling: &SamplingView,
        system_prompt: &str,
        folder_id: Option<&str>,
    ) -> Result<ChatView, ErrorView> {
        let settings = chat_settings(model_id, preset_id, sampling, system_prompt)?;
        let folder = folder_id.map(str::to_owned);
        let chat =
            self.with_history(move |history| history.chat_create_in(&settings, folder.as_deref())).await?;
        self.host.emit(AppEvent::ChatsChanged);
        chat_view(chat)
    }

    pub async fn chat_get(&self, id: &str) -> Result<ChatView, ErrorView> {
        let key = id.to_owned();
        chat_view(self.with_history_of(id, move |history| history.chat(&key)).await?)
    }

    pub async fn chat_rename(&self, id: &str, title: &str) -> Result<(), ErrorView> {
        let (key, title) = (id.to_owned(), title_of(title));
        if title.is_empty() {
            return Err(ErrorView::new(ErrorCode::InvalidInput, "rename the chat: the title is empty"));
        }
        self.with_history_of(id, move |history| history.chat_rename(&key, &title)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        Ok(())
    }

    /// Stops an answer in progress, then deletes the chat.
    pub async fn chat_delete(&self, id: &str) -> Result<(), ErrorView> {
        self.answer_stop(id).await?;
        let key = id.to_owned();
        self.with_history_of(id, move |history| history.chat_delete(&key)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        Ok(())
    }

    /// Deletes a message and all messages after it. Refused while the chat has an answer in progress.
    pub async fn message_delete(&self, chat_id: &str, message_id: &str) -> Result<ChatView, ErrorView> {
        let _turn = self.running.begin(chat_id)?;
        let (chat, message) = (chat_id.to_owned(), message_id.to_owned());
        self.with_history_of(chat_id, move |history| history.message_delete(&chat, &message)).await?;
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
        let settings = chat_settings(model_id, preset_id, &sampling, system_prompt)?;
        let key = id.to_owned();
        self.with_history_of(id, move |history| history.chat_update(&key, &settings)).await?;
        self.chat_get(id).await
    }

    /// A chat that is never written down, with the values of the last one. It ends with the program.
    pub async fn chat_create_temporary(&self, model_id: &str) -> Result<ChatView, ErrorView> {
        let (preset_id, sampling, system_prompt) = self.choices_of_last(model_id).await?;
        let settings = chat_settings(model_id, &preset_id, &sampling, &system_prompt)?;
        let memory = self.chats_file.temporary()?;
        let chat = chat_view(use_history(memory, move |history| history.chat_create(&settings)).await?)?;
        self.host.emit(AppEvent::ChatsChanged);
        Ok(chat)
    }

    /// Sets the first message of the context; `None` is the first message of the chat. Refused while the chat
    /// has an answer in progress.
    pub async fn chat_context_start(
        &self,
        id: &str,
        message_id: Option<&str>,
    ) -> Result<ChatView, ErrorView> {
        let _turn = self.running.begin(id)?;
        let (key, start) = (id.to_owned(), message_id.map(str::to_owned));
        self.with_history_of(id, move |history| history.chat_context_start(&key, start.as_deref())).await?;
        self.chat_get(id).await
    }

    pub async fn chat_select_leaf(&self, id: &str, message_id: &str) -> Result<ChatView, ErrorView> {
        let (key, leaf) = (id.to_owned(), message_id.to_owned());
        self.with_history_of(id, move |history| history.select(&key, &leaf)).await?;
        self.chat_get(id).await
    }

    /// Runs `work` on a thread that may block on the disk.
    pub(crate) async fn with_history<T: Send + 'static>(
        &self,
        work: impl FnOnce(&History) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, ErrorView> {
        use_history(self.chats_file.get()?, work).await
    }

    /// As [`App::with_history`], with the history of this chat or message, which may be in memory.
    pub(crate) async fn with_history_of<T: Send + 'static>(
        &self,
        id: &str,
        work: impl FnOnce(&History) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, ErrorView> {
        use_history(self.chats_file.of(id)?, work).await
    }
}

async fn use_history<T: Send + 'static>(
    history: Arc<History>,
    work: impl FnOnce(&History) -> Result<T, HistoryError> + Send + 'static,
) -> Result<T, ErrorView> {
    blocking("use the chats", move || work(&history).map_err(history_error)).await
}

/// The settings in the form of the history.
fn chat_settings(
    model_id: &str,
    preset_id: &str,
    sampling: &SamplingView,
    system_prompt: &str,
) -> Result<ChatSettings, ErrorView> {
    Ok(ChatSettings {
        model_id: model_id.to_owned(),
        preset_id: preset_id.to_owned(),
        sampling: sampling_json(sampling)?,
        system_prompt: system_prompt.to_owned(),
    })
}

/// The first line that is not empty, at most 60 characters.
pub(crate) fn title_of(text: &str) -> String {
    const MAX_LETTERS: usize = 60;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.chars().count() <= MAX_LETTERS {
        return line.to_owned();
    }
    line.chars().take(MAX_LETTERS - 1).chain(['…']).collect()
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
            Err(invalid(message, name, allowed))
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::SettingsView;

    use super::*;
    use crate::test_app::open;

    #[test]
    fn a_title_is_the_first_line_with_words() {
        assert_eq!(title_of("\n  Which model?  \nI have 24 GB"), "Which model?");
        assert_eq!(title_of(" \n "), "");
        let long = title_of(&"显".repeat(100));
        assert_eq!(long.chars().count(), 60);
        assert!(long.ends_with('…'));
    }

    #[tokio::test]
    async fn the_next_chat_begins_like_the_last_one_also_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let app = open(folder.path()).await;
        let first = app.chat_create_alike("guide", None).await.expect("creates");
        assert_eq!((first.preset_id.as_str(), first.sampling.temperature), ("deepseek", 0.0), "as advised");
        let creative = app.presets().await.expect("reads").into_iter().find(|one| one.id == "creative");
        let creative = creative.expect("is there").sampling;
        app.chat_update_last(&first.id, "guide", "creative", creative.clone(), "Be brief.")
            .await
            .expect("changes");
        drop(app);

        let app = open(folder.path()).await;
        assert_eq!(app.settings_now().last_chat.model_id, "guide");
        let second = app.chat_create_alike("guide-vision", None).await.expect("creates");
        assert_eq!(
            (second.preset_id.as_str(), &second.sampling, second.system_prompt.as_str()),
            ("creative", &creative, "Be brief.")
        );
        assert_eq!(app.settings_now().last_chat.model_id, "guide-vision");
        let own = SamplingView { temperature: 1.1, seed: Some(7), ..creative };
        app.chat_update_last(&second.id, "guide-vision", "custom", own.clone(), "").await.expect("changes");
        // A page that read the settings earlier sends old choices back with the rest.
        let stale =
            SettingsView { theme: contract::Theme::Dark, last_chat: first_choice(), ..app.settings_now() };
        app.settings_save(stale).await.expect("saves");
        drop(app);

        let app = open(folder.path()).await;
        let third = app.chat_create_alike("guide", None).await.expect("creates");
        assert_eq!(
            (third.preset_id.as_str(), third.sampling, third.system_prompt.as_str()),
            ("custom", own, "")
        );
        assert_eq!(app.settings_now().theme, contract::Theme::Dark);
        // A program that asks a single question does not change the user's choices.
        let plain = app.chat_create("guide").await.expect("creates");
        assert_eq!(plain.preset_id, "deepseek");
        assert_eq!(app.settings_now().last_chat.preset_id, "custom");
    }

    fn first_choice() -> LastChat {
        let (model_id, preset_id) = ("guide".into(), "deepseek".into());
        LastChat { model_id, preset_id, sampling: None, system_prompt: String::new() }
    }

    #[tokio::test]
    async fn what_was_measured_is_kept_for_this_processor() {
        let folder = tempfile::tempdir().expect("a folder");
        let app = open(folder.path()).await;
        let cpu = app.snapshot().await.expect("looks").cpu.name.clone();
        let measured = |cpu: &str| Some(contract::MeasuredMemory { cpu: cpu.into(), bandwidth: 41e9 });
        app.settings_change(|settings| settings.measured = measured(&cpu)).expect("saves");
        drop(app);
        let app = open(folder.path()).await;
        assert_eq!(app.snapshot().await.expect("looks").memory_bandwidth, Some(41e9));
        let models = app.models().await.expect("lists");
        let guide = models.iter().find(|model| model.id == "guide").expect("is there");
        assert!(guide.fit.speed_estimate.is_some_and(|speed| speed > 0.0), "every verdict has a speed now");
        app.settings_change(|settings| settings.measured = measured("another one")).expect("saves");
        drop(app);
        let app = open(folder.path()).await;
        assert_eq!(app.snapshot().await.expect("looks").memory_bandwidth, None, "of another computer");
    }

    #[test]
    fn sampling_out_of_range_is_refused_with_its_name() {
        let odd = SamplingView { temperature: f32::NAN, ..SamplingView::default() };
        assert_eq!(check(&odd).expect_err("is refused").detail["name"], "temperature");
        assert_eq!(check(&SamplingView::default()), Ok(()));
    }
}
