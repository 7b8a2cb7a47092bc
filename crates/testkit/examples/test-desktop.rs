//! `test-desktop`: the tray and the notifications of a desktop on the session bus, for the test of the
//! window. Prints a JSON line for each tray item and notification; reads `menu LABEL`, `activate` and
//! `choose ID` from its standard input.
#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::io::{BufRead, Write};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_json::json;
    use zbus::blocking::{Connection, Proxy, connection};
    use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

    /// The bus name of the newest item.
    static ITEM: Mutex<String> = Mutex::new(String::new());
    static NEXT: AtomicU32 = AtomicU32::new(1);

    const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
    const MENU: &str = "com.canonical.dbusmenu";

    fn print(line: &serde_json::Value) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    struct Watcher;

    #[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
    impl Watcher {
        fn register_status_notifier_item(
            &self,
            service: &str,
            #[zbus(header)] header: zbus::message::Header<'_>,
        ) {
            // An item names itself by its bus name, or by a path of the sender.
            let sender = header.sender().map(ToString::to_string).unwrap_or_default();
            let name = if service.starts_with('/') { sender } else { service.to_owned() };
            print(&json!({"item": name}));
            *ITEM.lock().expect("no panic") = name;
        }

        fn register_status_notifier_host(&self, _service: &str) {}

        #[zbus(property)]
        fn is_status_notifier_host_registered(&self) -> bool {
            true
        }

        #[zbus(property)]
        fn registered_status_notifier_items(&self) -> Vec<String> {
            Vec::new()
        }

        #[zbus(property)]
        fn protocol_version(&self) -> i32 {
            0
        }
    }

    struct Notifications;

    #[zbus::interface(name = "org.freedesktop.Notifications")]
    impl Notifications {
        fn get_capabilities(&self) -> Vec<String> {
            vec!["actions".into(), "body".into()]
        }

        fn get_server_information(&self) -> (String, String, String, String) {
            ("test-desktop".into(), "whaledeck".into(), "0".into(), "1.2".into())
        }

        #[expect(clippy::too_many_arguments, reason = "the specification of the desktop")]
        fn notify(
            &self,
            _app: &str,
            replaces: u32,
            _icon: &str,
            summary: &str,
            body: &str,
            actions: Vec<String>,
            _hints: HashMap<String, OwnedValue>,
            _timeout: i32,
        ) -> u32 {
            let id = if replaces > 0 { replaces } else { NEXT.fetch_add(1, Ordering::Relaxed) };
            print(&json!({"notification": id, "summary": summary, "body": body, "actions": actions}));
            id
        }

        fn close_notification(&self, _id: u32) {}
    }

    type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

    fn choose_menu(bus: &Connection, label: &str) -> zbus::Result<()> {
        let item = ITEM.lock().expect("no panic").clone();
        let icon = Proxy::new(bus, item.clone(), "/StatusNotifierItem", "org.kde.StatusNotifierItem")?;
        let path: OwnedObjectPath = icon.get_property("Menu")?;
        let menu = Proxy::new(bus, item, path, MENU)?;
        let (_, (_, _, children)): (u32, Layout) =
            menu.call("GetLayout", &(0_i32, -1_i32, Vec::<String>::new()))?;
        for child in children {
            let (id, properties, _): Layout = child.try_into()?;
            let own = properties.get("label").and_then(|value| String::try_from(value.clone()).ok());
            if own.as_deref() == Some(label) {
                return menu.call("Event", &(id, "clicked", Value::from(0_i32), 0_u32));
            }
        }
        Err(zbus::Error::Failure(format!("the menu has no entry {label}")))
    }

    fn obey(bus: &Connection, line: &str) -> zbus::Result<()> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("menu", label) => choose_menu(bus, label),
            ("activate", _) => {
                let item = ITEM.lock().expect("no panic").clone();
                let icon = Proxy::new(bus, item, "/StatusNotifierItem", "org.kde.StatusNotifierItem")?;
                icon.call("Activate", &(0_i32, 0_i32))
            }
            ("choose", id) => {
                let id: u32 = id.parse().map_err(|_| zbus::Error::Failure("no number".into()))?;
                let path = "/org/freedesktop/Notifications";
                bus.emit_signal(None::<&str>, path, NOTIFICATIONS, "ActionInvoked", &(id, "default"))
            }
            _ => Err(zbus::Error::Failure(format!("unknown: {line}"))),
        }
    }

    pub fn run() -> zbus::Result<()> {
        let bus = connection::Builder::session()?
            .name("org.kde.StatusNotifierWatcher")?
            .name(NOTIFICATIONS)?
            .serve_at("/StatusNotifierWatcher", Watcher)?
            .serve_at("/org/freedesktop/Notifications", Notifications)?
            .build()?;
        print(&json!({"ready": true}));
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if let Err(error) = obey(&bus, line.trim()) {
                print(&json!({"error": error.to_string()}));
            }
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn main() -> zbus::Result<()> {
    linux::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this desktop is Linux's");
}
