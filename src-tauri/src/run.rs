//! Start-up of the desktop program: command line, display, web view, app, window; and its end.
//! Chats that cannot be opened are shown by the page; an error before there is a window goes to the terminal.
use std::process::ExitCode;
use std::sync::Arc;

use contract::{ErrorCode, ErrorView};
use tauri::Manager;

use crate::desktop::links::{self, PendingLink};
use crate::desktop::{self, DesktopHost, Notifier};
use crate::host::Subscribers;
use crate::{again, bindings, command_line, display, web_process};

/// Opens the window and runs until it is closed.
pub fn run() -> ExitCode {
    if let Some(ended) = command_line::answer(std::env::args_os().skip(1)) {
        return ended;
    }
    display::prepare_renderer();
    display::prepare_cache();
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    if !display::present() {
        print_error(&ErrorView::new(
            ErrorCode::NoDisplay,
            "open the window: neither DISPLAY nor WAYLAND_DISPLAY is set",
        ));
        return ExitCode::from(2);
    }

    match build() {
        Ok(tauri) => {
            // The app is opened before the loop creates the window, because the first page calls commands at
            // once.
            if let Err(error) = open_app(&tauri) {
                print_error(&error);
                return ExitCode::FAILURE;
            }
            tauri.run(|handle, event| {
                if let tauri::RunEvent::Ready = event {
                    let window = handle.get_webview_window("main");
                    if let Some(Err(error)) = window.map(|window| web_process::watch(&window)) {
                        tracing::warn!(%error, "failed to watch the process of the page");
                    }
                    desktop::start(handle);
                }
                if let tauri::RunEvent::WindowEvent {
                    label,
                    event: tauri::WindowEvent::CloseRequested { api, .. },
                    ..
                } = &event
                    && label == "main"
                    && desktop::hides_on_close(handle)
                    && let Some(window) = handle.get_webview_window(label)
                    && window.hide().is_ok()
                {
                    api.prevent_close();
                }
                if let tauri::RunEvent::Exit = event {
                    // First, so that a program that starts now is not forwarded to this closing one.
                    tauri_plugin_single_instance::destroy(handle);
                    let app = handle.state::<Arc<app::App>>();
                    let _ = tauri::async_runtime::block_on(app.worker_stop());
                    tauri::async_runtime::block_on(app.close());
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            again::restart_if_forwarding_failed(&error);
            print_error(&ErrorView::new(ErrorCode::Internal, format!("open the window: {error}")));
            ExitCode::FAILURE
        }
    }
}

fn build() -> tauri::Result<tauri::App> {
    let builder = bindings::builder();
    let handler = builder.invoke_handler();
    let mut context = tauri::generate_context!();
    if desktop::starts_hidden() {
        // The tray shows it; where there is none after all, `desktop::start` does.
        context.config_mut().app.windows.iter_mut().for_each(|window| window.visible = false);
    }
    tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(
            |handle, arguments, _directory| match links::in_arguments(&arguments) {
                Some(link) => desktop::follow(handle, link),
                None => desktop::show_window(handle),
            },
        ))
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::init())
        .invoke_handler(handler)
        .build(context)
}

fn open_app(tauri: &tauri::App) -> Result<(), ErrorView> {
    let subscribers = Subscribers::default();
    let notifier = Notifier::new(tauri.handle().clone());
    let host = Arc::new(DesktopHost { pages: subscribers.clone(), notifier });
    // The page shows the error and the recoveries when the chats cannot be opened.
    let app = Arc::new(tauri::async_runtime::block_on(app::App::open_for_window(app::find_paths(), host))?);
    // Running deployments are watched from now on.
    if let Err(error) = tauri::async_runtime::block_on(app.deployments()) {
        // The page of deployments shows the same error, so the window still opens.
        tracing::warn!(%error, "failed to reattach to deployments");
    }
    tauri::async_runtime::block_on(async { app.run_backups() });
    tauri.manage(app);
    tauri.manage(subscribers);
    tauri.manage(PendingLink::of(links::in_arguments(&std::env::args().collect::<Vec<_>>())));
    Ok(())
}

/// Prints an error without a window: on the terminal, in the language of the session.
fn print_error(error: &ErrorView) {
    eprintln!("{}", messages::terminal_text(error, messages::Lang::from_env()));
}
