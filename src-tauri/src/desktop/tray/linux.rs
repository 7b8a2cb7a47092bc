//! The tray by the StatusNotifierItem protocol over D-Bus, which KDE, Cinnamon, XFCE and, with an extension,
//! GNOME show. No C library is needed.
use ksni::blocking::{Handle, TrayMethods};
use ksni::menu::StandardItem;
use ksni::{MenuItem, ToolTip};
use tauri::AppHandle;
use zbus::blocking::{Connection, fdo::DBusProxy};

use super::Entry;
use crate::host::lang;

/// The service that shows the items.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

pub type Icon = Handle<Item>;

pub struct Item {
    handle: AppHandle,
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "whaledeck".into()
    }

    fn title(&self) -> String {
        "Whaledeck".into()
    }

    /// Of the theme: the package installs it.
    fn icon_name(&self) -> String {
        "whaledeck".into()
    }

    fn icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.handle.default_window_icon().map(pixmap).into_iter().collect()
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip { title: "Whaledeck".into(), ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        Entry::Open.choose(&self.handle);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let lang = lang(&self.handle);
        let item = |entry: Entry| {
            MenuItem::from(StandardItem {
                label: entry.message().text(lang).to_owned(),
                activate: Box::new(move |item: &mut Self| entry.choose(&item.handle)),
                ..StandardItem::default()
            })
        };
        Entry::ALL.into_iter().map(item).collect()
    }
}

/// ARGB in network byte order, as the protocol has it.
fn pixmap(image: &tauri::image::Image<'_>) -> ksni::Icon {
    let data = image.rgba().as_chunks::<4>().0.iter().flat_map(|&[r, g, b, a]| [a, r, g, b]).collect();
    ksni::Icon { width: image.width() as i32, height: image.height() as i32, data }
}

pub fn show(handle: &AppHandle) -> Option<Icon> {
    if !is_possible() {
        return None;
    }
    let shown = Item { handle: handle.clone() }.spawn();
    shown.inspect_err(|error| tracing::warn!(%error, "failed to show the tray")).ok()
}

pub fn remove(icon: Icon) {
    icon.shutdown().wait();
}

/// Whether somebody shows trays on this desktop.
pub fn is_possible() -> bool {
    let owned = || -> zbus::Result<bool> {
        let connection = Connection::session()?;
        Ok(DBusProxy::new(&connection)?.name_has_owner(WATCHER.try_into()?)?)
    };
    owned().unwrap_or(false)
}
