//! The root window of an X server as PNG, read by the GTK toolkit that draws the window. No further
//! connection and no further library is needed. On Wayland it is not used: there it sees X11 windows only.
use gdk::prelude::*;
use tauri::WebviewWindow;
use tokio::sync::oneshot;

/// Whether the session is X11. Under Wayland there is often an X server too, which shows its own windows
/// only.
pub fn present() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("DISPLAY") && !set("WAYLAND_DISPLAY")
}

/// All screens in one image, as PNG.
///
/// # Errors
/// The reason, as a fragment.
pub async fn screenshot(window: &WebviewWindow) -> Result<Vec<u8>, String> {
    let (sender, pixels) = oneshot::channel();
    // The toolkit works on the window's thread only.
    window.run_on_main_thread(move || drop(sender.send(root()))).map_err(|error| error.to_string())?;
    let pixels = pixels.await.map_err(|_| "the window is closing".to_owned())??;
    tokio::task::spawn_blocking(move || pixels.png()).await.map_err(|error| error.to_string())?
}

/// The pixels of the screen, which may leave the window's thread.
struct Pixels {
    bytes: gdk::glib::Bytes,
    alpha: bool,
    width: i32,
    height: i32,
    row: i32,
}

fn root() -> Result<Pixels, String> {
    let display = gdk::Display::default().ok_or("there is no display")?;
    if !display.backend().is_x11() {
        return Err("the window is not on X11".into());
    }
    let root = gdk::Window::default_root_window();
    let picture = root.pixbuf(0, 0, root.width(), root.height()).ok_or("the X server gave no pixels")?;
    Ok(Pixels {
        bytes: picture.read_pixel_bytes(),
        alpha: picture.has_alpha(),
        width: picture.width(),
        height: picture.height(),
        row: picture.rowstride(),
    })
}

impl Pixels {
    fn png(self) -> Result<Vec<u8>, String> {
        use gdk::gdk_pixbuf::{Colorspace, Pixbuf};
        let Self { bytes, alpha, width, height, row } = self;
        let picture = Pixbuf::from_bytes(&bytes, Colorspace::Rgb, alpha, 8, width, height, row);
        // The page crops and encodes the image again, so speed matters more than size.
        picture.save_to_bufferv("png", &[("compression", "1")]).map_err(|error| error.to_string())
    }
}
