//! Watches the process that draws the page. When it dies, by a crash, by the out-of-memory killer or by a
//! full disk, WebKit leaves the window frozen. The page is then loaded again, and after repeated crashes a
//! native dialog asks the user. Knows nothing of the page, which reads its state, and an answer in progress,
//! from the app again.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The user is asked after this many reloads within this time.
const WINDOW: Duration = Duration::from_secs(60);
const MAX_RELOADS: usize = 3;

/// The times of the crashes, the oldest first.
#[derive(Default)]
struct Crashes(VecDeque<Instant>);

impl Crashes {
    /// Counts a crash. Returns whether the page may be loaded again.
    fn may_reload(&mut self, now: Instant) -> bool {
        self.0.retain(|at| now.duration_since(*at) < WINDOW);
        if self.0.len() >= MAX_RELOADS {
            return false;
        }
        self.0.push_back(now);
        true
    }
}

#[cfg(target_os = "linux")]
pub fn watch(window: &tauri::WebviewWindow) -> tauri::Result<()> {
    use std::cell::RefCell;

    use webkit2gtk::{WebProcessTerminationReason, WebViewExt};

    let own = window.clone();
    window.with_webview(move |view| {
        let crashes = RefCell::new(Crashes::default());
        view.inner().connect_web_process_terminated(move |view, reason| {
            if reason == WebProcessTerminationReason::TerminatedByApi {
                return;
            }
            let again = crashes.borrow_mut().may_reload(Instant::now());
            tracing::warn!(?reason, again, "the process of the page ended");
            crate::host::forget_pages(&own);
            if again {
                view.reload();
            } else {
                ask(&own);
            }
        });
    })
}

/// Does nothing: WebView2 and WKWebView restart their processes themselves.
#[cfg(not(target_os = "linux"))]
pub fn watch(_: &tauri::WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// Asks the user to restart. A new start checks the free disk space, which a reload of the page does not.
#[cfg(target_os = "linux")]
fn ask(window: &tauri::WebviewWindow) {
    use contract::{ErrorCode, ErrorView};
    use messages::CliMessage;
    use tauri::Manager;
    use tauri_plugin_dialog::{DialogExt, MessageDialogButtons, MessageDialogKind};

    let handle = window.app_handle().clone();
    let lang = crate::host::lang(&handle);
    let text = messages::error_message(&ErrorView::new(ErrorCode::PageDied, "show the page"), lang);
    let [restart, quit] = [CliMessage::Restart, CliMessage::Quit].map(|word| word.text(lang));
    window
        .dialog()
        .message(format!("{}\n\n{}", text.meaning, text.next))
        .title(text.title)
        .kind(MessageDialogKind::Error)
        .buttons(MessageDialogButtons::OkCancelCustom(restart.into(), quit.into()))
        .show(move |restart| if restart { handle.request_restart() } else { handle.exit(1) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_loaded_three_times_a_minute_and_then_not_again() {
        let (start, mut crashes) = (Instant::now(), Crashes::default());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let reloads: Vec<bool> =
            [0, 10, 20, 30, 59, 61, 62, 71, 200].map(|second| crashes.may_reload(at(second))).into();
        assert_eq!(reloads, [true, true, true, false, false, true, false, true, true]);
    }
}
