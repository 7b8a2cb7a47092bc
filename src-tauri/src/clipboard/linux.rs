//! The clipboard of X11 and Wayland, through the toolkit that draws the window. The calls do not block the
//! window's thread, because the program that owns the clipboard may be slow or gone.
use std::path::PathBuf;

use contract::{ErrorCode, ErrorView};
use gtk::gdk::Atom;
use gtk::gdk_pixbuf::Pixbuf;
use gtk::glib;
use tauri::WebviewWindow;
use tokio::sync::oneshot;

use super::Clipboard;

type Answer = oneshot::Sender<Clipboard>;

pub async fn read(window: &WebviewWindow) -> Result<Clipboard, ErrorView> {
    let (sender, contents) = oneshot::channel();
    window.run_on_main_thread(move || ask(sender)).map_err(|error| closing(&error))?;
    // The toolkit drops a request that the owner never answers, and the sender with it.
    Ok(contents.await.unwrap_or(Clipboard::Nothing))
}

/// Empty where it has no text.
pub async fn read_text(window: &WebviewWindow) -> Result<String, ErrorView> {
    let (sender, text) = oneshot::channel();
    let ask = move || {
        let clipboard = gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD);
        clipboard.request_text(move |_, text| drop(sender.send(text.unwrap_or_default().to_owned())));
    };
    window.run_on_main_thread(ask).map_err(|error| closing(&error))?;
    Ok(text.await.unwrap_or_default())
}

fn closing(error: &tauri::Error) -> ErrorView {
    ErrorView::new(ErrorCode::Internal, format!("read the clipboard: {error}"))
}

fn ask(answer: Answer) {
    let clipboard = gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD);
    clipboard.request_contents(&Atom::intern("TARGETS"), move |clipboard, kinds| {
        let has = |name: &str| kinds.targets().is_some_and(|all| all.iter().any(|kind| kind.name() == name));
        let (png, image) = (has("image/png"), kinds.targets_include_image(false));
        if !has("text/uri-list") {
            return ask_image(clipboard, png, image, answer);
        }
        clipboard.request_uris(move |clipboard, uris| {
            let files: Vec<PathBuf> =
                uris.iter().filter_map(|uri| Some(glib::filename_from_uri(uri).ok()?.0)).collect();
            if files.is_empty() {
                ask_image(clipboard, png, image, answer);
            } else {
                let _ = answer.send(Clipboard::Files(files));
            }
        });
    });
}

fn ask_image(clipboard: &gtk::Clipboard, png: bool, image: bool, answer: Answer) {
    if png {
        // The bytes of the owner are used, so that the same image has the same bytes again.
        clipboard.request_contents(&Atom::intern("image/png"), move |_, contents| {
            let _ = answer.send(Clipboard::Image(contents.data()));
        });
    } else if image {
        clipboard.request_image(move |_, image| {
            let bytes = image.and_then(|image| png_of(image).ok());
            let _ = answer.send(bytes.map_or(Clipboard::Nothing, Clipboard::Image));
        });
    } else {
        let _ = answer.send(Clipboard::Nothing);
    }
}

fn png_of(image: &Pixbuf) -> Result<Vec<u8>, glib::Error> {
    image.save_to_bufferv("png", &[("compression", "1")])
}
