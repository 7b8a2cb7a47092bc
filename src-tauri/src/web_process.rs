//! The process that draws the page. WebKit leaves a window frozen when it dies, by a crash, by the system's hunt for memory or by a
//! full disk under its cache; here the page is loaded again, and a native message says so when that does not help.
//!
//! Knows nothing of the page: what it shows comes back from the app, an answer that is being written included.
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Loads of the page within this time that are tried before the person is asked.
const WITHIN: Duration = Duration::from_secs(60);
const MOST: usize = 3;

/// When the process died, the earliest first.
#[derive(Default)]
struct Deaths(VecDeque<Instant>);

impl Deaths {
    /// Counts one; whether the page may be loaded again.
    fn reload(&mut self, now: Instant) -> bool {
        self.0.retain(|at| now.duration_since(*at) < WITHIN);
        if self.0.len() >= MOST {
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
        let deaths = RefCell::new(Deaths::default());
        view.inner().connect_web_process_terminated(move |view, reason| {
            if reason == WebProcessTerminationReason::TerminatedByApi {
                return;
            }
            let again = deaths.borrow_mut().reload(Instant::now());
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

/// Not run: WebView2 and WKWebView start their processes again by themselves.
#[cfg(not(target_os = "linux"))]
pub fn watch(_: &tauri::WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// A new start looks at the disk first, and so helps where loading the page again does not.
#[cfg(target_os = "linux")]
fn ask(window: &tauri::WebviewWindow) {
    use contract::{ErrorCode, ErrorView};
    use tauri::Manager;
    use tauri_plugin_dialog::{DialogExt, MessageDialogButtons, MessageDialogKind};

    let handle = window.app_handle().clone();
    let lang = crate::host::lang(&handle);
    let said = app::messages::error_message(&ErrorView::new(ErrorCode::PageDied, "show the page"), lang);
    let (restart, quit) = lang.pick(("Restart", "Quit"), ("重新启动", "退出"));
    window
        .dialog()
        .message(format!("{}\n\n{}", said.meaning, said.next))
        .title(said.title)
        .kind(MessageDialogKind::Error)
        .buttons(MessageDialogButtons::OkCancelCustom(restart.into(), quit.into()))
        .show(move |restart| if restart { handle.request_restart() } else { handle.exit(1) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_loaded_three_times_a_minute_and_then_not_again() {
        let (start, mut deaths) = (Instant::now(), Deaths::default());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let told: Vec<bool> =
            [0, 10, 20, 30, 59, 61, 62, 71, 200].map(|second| deaths.reload(at(second))).into();
        assert_eq!(told, [true, true, true, false, false, true, false, true, true]);
    }
}
