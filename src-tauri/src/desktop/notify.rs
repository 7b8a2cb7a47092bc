//! Notifications of the desktop: a long answer or a download has ended while the window is not in front.
//! Choosing one leads to its chat. Which events there are is the matter of `app`.
use std::sync::Arc;

use contract::{AppEvent, DownloadState, LinkView};
use messages::{CliMessage, Lang};
use notify_rust::Notification;
use tauri::{AppHandle, Manager};

use crate::host::lang;

/// An answer that took less is still being waited for.
const LONG_SECONDS: f64 = 10.0;

/// Decides which events are told, and tells them.
#[derive(Clone)]
pub struct Notifier(AppHandle);

/// What a notification says, and where it leads.
#[derive(Debug, PartialEq)]
struct Note {
    message: CliMessage,
    /// The title of a chat or the name of a model; nothing of a temporary chat.
    subject: String,
    link: LinkView,
}

impl Notifier {
    pub fn new(handle: AppHandle) -> Self {
        Self(handle)
    }

    pub fn event(&self, event: &AppEvent) {
        let Some(note) = note_of(event) else { return };
        let handle = self.0.clone();
        // The answer of the notification is waited for, and events must not wait.
        std::thread::spawn(move || {
            if is_wanted(&handle) {
                show(&handle, note);
            }
        });
    }
}

fn note_of(event: &AppEvent) -> Option<Note> {
    match event {
        AppEvent::AnswerEnded { chat_id, title, seconds, complete } if *seconds >= LONG_SECONDS => {
            let message = if *complete { CliMessage::NotifyAnswer } else { CliMessage::NotifyAnswerFailed };
            let link = LinkView::Chat { id: chat_id.clone() };
            Some(Note { message, subject: title.clone(), link })
        }
        AppEvent::DownloadChanged { download } => {
            let message = match download.state {
                DownloadState::Ready => CliMessage::NotifyDownload,
                DownloadState::Failed => CliMessage::NotifyDownloadFailed,
                _ => return None,
            };
            let link = LinkView::Models { search: String::new() };
            Some(Note { message, subject: download.model_id.clone(), link })
        }
        _ => None,
    }
}

/// The user wants notifications, and does not look at the window.
fn is_wanted(handle: &AppHandle) -> bool {
    let app = handle.state::<Arc<app::App>>();
    let on = tauri::async_runtime::block_on(app.settings()).is_ok_and(|settings| settings.notifications);
    let window = handle.get_webview_window("main");
    on && !window.is_some_and(|window| window.is_focused().unwrap_or(false))
}

/// Returns when the notification is gone.
fn show(handle: &AppHandle, note: Note) {
    let lang: Lang = lang(handle);
    let mut notification = Notification::new();
    notification.appname("Whaledeck").summary(note.message.text(lang)).body(&note.subject).icon("whaledeck");
    // The name that desktops give to a click on the notification itself.
    #[cfg(target_os = "linux")]
    notification.action("default", CliMessage::NotifyOpen.text(lang));
    match notification.show() {
        #[cfg(target_os = "linux")]
        Ok(shown) => shown.wait_for_action(|action| {
            if action == "default" {
                super::follow(handle, note.link);
            }
        }),
        #[cfg(not(target_os = "linux"))]
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "failed to show a notification"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(seconds: f64, complete: bool) -> AppEvent {
        AppEvent::AnswerEnded { chat_id: "c".into(), title: "Whales".into(), seconds, complete }
    }

    #[test]
    fn only_what_took_long_is_told_and_leads_to_its_chat() {
        assert_eq!(note_of(&ended(2.0, true)), None);
        let link = LinkView::Chat { id: "c".into() };
        for (complete, message) in [(true, CliMessage::NotifyAnswer), (false, CliMessage::NotifyAnswerFailed)]
        {
            let note = note_of(&ended(12.0, complete)).expect("is told");
            assert_eq!((note.message, note.subject.as_str(), &note.link), (message, "Whales", &link));
        }
        assert_eq!(note_of(&AppEvent::ChatsChanged), None);
    }
}
