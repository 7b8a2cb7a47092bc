//! Screenshots from a portal that this test implements, on a D-Bus of its own.
//! Linux only. No real screen is read, and no desktop is needed.
#![cfg(target_os = "linux")]
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use whaledeck_desktop::screen::portal::{Portal, Response};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, connection, fdo, interface, object_server::SignalEmitter};

/// A bus that ends with the test.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon starts; `make setup` installs it");
        let mut address = String::new();
        let output = daemon.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut address).expect("it says its address");
        Self { daemon, address: address.trim().into() }
    }

    async fn connection(&self) -> Connection {
        connection::Builder::address(self.address.as_str())
            .expect("an address")
            .build()
            .await
            .expect("the bus is there")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// The portal of a test and its response.
struct Screenshot {
    version: u32,
    code: u32,
    uri: Option<String>,
    /// Portals before 0.9 give the request a name of their own.
    own_name: bool,
}

struct Request;

#[interface(name = "org.freedesktop.portal.Request")]
impl Request {
    #[zbus(signal)]
    async fn response(
        emitter: &SignalEmitter<'_>,
        code: u32,
        results: HashMap<&str, Value<'_>>,
    ) -> zbus::Result<()>;
}

#[interface(name = "org.freedesktop.portal.Screenshot")]
impl Screenshot {
    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        self.version
    }

    async fn screenshot(
        &self,
        parent_window: &str,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: zbus::message::Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        assert_eq!(parent_window, "");
        let choose: bool = options["interactive"].downcast_ref().expect("a choice");
        assert_eq!(choose, self.version >= 2, "only a newer portal is asked to let the user choose");
        let token: &str = options["handle_token"].downcast_ref().expect("a token");
        let asking = header.sender().expect("somebody asks").trim_start_matches(':').replace('.', "_");
        let token = if self.own_name { "t0" } else { token };
        let path = format!("/org/freedesktop/portal/desktop/request/{asking}/{token}");
        let mut results = HashMap::new();
        if let Some(uri) = &self.uri {
            results.insert("uri", Value::from(uri.clone()));
        }
        // The response of another request arrives in between and must be ignored.
        let other = SignalEmitter::new(bus, "/org/freedesktop/portal/desktop/request/1_0/other")?;
        Request::response(&other, 0, HashMap::from([("uri", Value::from("file:///etc/hostname"))])).await?;
        let emitter = SignalEmitter::new(bus, path.clone())?;
        // The response is sent before the caller knows the name of the request.
        Request::response(&emitter, self.code, results).await?;
        Ok(OwnedObjectPath::try_from(path).expect("a path"))
    }
}

async fn take(screenshot: Screenshot) -> Result<Response, String> {
    let bus = Bus::start();
    let serving = bus.connection().await;
    serving.object_server().at("/org/freedesktop/portal/desktop", screenshot).await.expect("it is served");
    serving.request_name("org.freedesktop.portal.Desktop").await.expect("it gets its name");
    let portal = Portal::on(bus.connection().await).await.expect("the portal is found");
    portal.screenshot().await.map_err(|error| error.to_string())
}

fn file(folder: &tempfile::TempDir, name: &str) -> (PathBuf, String) {
    let path = folder.path().join(name);
    std::fs::write(&path, b"\x89PNG what the desktop wrote").expect("a file");
    let uri = tauri::Url::from_file_path(&path).expect("an absolute path").to_string();
    (path, uri)
}

#[tokio::test]
async fn a_part_of_the_screen_comes_from_the_portal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, uri) = file(&folder, "屏幕 1.png");
    for (version, own_name) in [(2, false), (2, true), (1, false)] {
        let shown = Screenshot { version, code: 0, uri: Some(uri.clone()), own_name };
        assert_eq!(take(shown).await, Ok(Response::Image(b"\x89PNG what the desktop wrote".to_vec())));
    }
    assert!(path.exists(), "the file is the desktop's");
}

#[tokio::test]
async fn a_cancelled_or_refused_screenshot_is_told_apart() {
    let answer = |code| take(Screenshot { version: 2, code, uri: None, own_name: false });
    assert_eq!(answer(1).await, Ok(Response::Cancelled));
    assert_eq!(answer(2).await, Ok(Response::Failed));
    assert_eq!(answer(0).await, Err("the portal named no file".into()));
    let elsewhere =
        Screenshot { version: 2, code: 0, uri: Some("https://example.com/1.png".into()), own_name: false };
    assert_eq!(
        take(elsewhere).await,
        Err("the portal named no file but \"https://example.com/1.png\"".into())
    );
}

#[tokio::test]
async fn a_bus_without_a_portal_has_none() {
    let bus = Bus::start();
    assert!(Portal::on(bus.connection().await).await.is_none());
}
