//! `org.freedesktop.portal.Screenshot` over D-Bus: the desktop asks for consent and returns a file.
//! Interface version 2 lets the user choose a part; version 1 returns the whole screen.
use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use zbus::zvariant::{ObjectPath, OwnedValue, Value};
use zbus::{Connection, MatchRule, MessageStream, Proxy};

const SERVICE: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SCREENSHOT: &str = "org.freedesktop.portal.Screenshot";
/// A portal is started on demand. One that takes longer is not used.
const START_TIMEOUT: Duration = Duration::from_secs(5);
/// The first version that lets the user choose a region.
const INTERACTIVE_VERSION: u32 = 2;

pub struct Portal {
    bus: Connection,
    version: u32,
}

/// The portal's response.
#[derive(Debug, PartialEq, Eq)]
pub enum Response {
    /// The bytes of an image file.
    Image(Vec<u8>),
    /// The user cancelled.
    Cancelled,
    /// The request ended in another way.
    Failed,
}

#[derive(Debug)]
pub struct PortalError(String);

impl std::fmt::Display for PortalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PortalError {}

fn failed(error: impl std::fmt::Display) -> PortalError {
    PortalError(error.to_string())
}

impl Portal {
    /// The portal of this session, if it takes screenshots.
    pub async fn find() -> Option<Self> {
        Self::on(Connection::session().await.ok()?).await
    }

    /// The portal of a bus.
    pub async fn on(bus: Connection) -> Option<Self> {
        let version = async {
            let screenshot = Proxy::new(&bus, SERVICE, PATH, SCREENSHOT).await?;
            screenshot.get_property::<u32>("version").await
        };
        let version = tokio::time::timeout(START_TIMEOUT, version).await.ok()?.ok()?;
        Some(Self { bus, version })
    }

    /// Whether the desktop asks the user for a region.
    pub fn is_interactive(&self) -> bool {
        self.version >= INTERACTIVE_VERSION
    }

    /// Requests a screenshot and waits for the user. The file is not deleted: it belongs to the desktop,
    /// which often stores it among the user's pictures.
    ///
    /// # Errors
    /// When the bus or the portal fails, or the file cannot be read.
    pub async fn screenshot(&self) -> Result<Response, PortalError> {
        let token = format!("whaledeck{}", std::process::id());
        let name = self.bus.unique_name().ok_or_else(|| failed("the bus gave no name"))?;
        let expected = format!("{PATH}/request/{}/{token}", name.trim_start_matches(':').replace('.', "_"));
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(SERVICE)
            .and_then(|rule| rule.interface("org.freedesktop.portal.Request"))
            .and_then(|rule| rule.member("Response"))
            .map_err(failed)?
            .build();
        // The subscription comes before the call, because the response may arrive before the name of the
        // request.
        let mut responses = MessageStream::for_match_rule(rule, &self.bus, None).await.map_err(failed)?;
        let screenshot = Proxy::new(&self.bus, SERVICE, PATH, SCREENSHOT).await.map_err(failed)?;
        let options = HashMap::from([
            ("handle_token", Value::from(token.as_str())),
            ("modal", Value::from(false)),
            ("interactive", Value::from(self.is_interactive())),
        ]);
        let request: zbus::zvariant::OwnedObjectPath =
            screenshot.call("Screenshot", &("", options)).await.map_err(failed)?;
        while let Some(message) = responses.next().await {
            let message = message.map_err(failed)?;
            let header = message.header();
            let of = header.path().map(ObjectPath::as_str);
            // Old portals name the request in another way.
            if of != Some(request.as_str()) && of != Some(expected.as_str()) {
                continue;
            }
            let body = message.body();
            let (code, mut results): (u32, HashMap<String, OwnedValue>) =
                body.deserialize().map_err(failed)?;
            return match code {
                0 => {
                    let uri = results.remove("uri").ok_or_else(|| failed("the portal named no file"))?;
                    read(&String::try_from(uri).map_err(failed)?).await.map(Response::Image)
                }
                1 => Ok(Response::Cancelled),
                _ => Ok(Response::Failed),
            };
        }
        Err(failed("the bus closed"))
    }
}

async fn read(uri: &str) -> Result<Vec<u8>, PortalError> {
    let path = tauri::Url::parse(uri)
        .ok()
        .and_then(|url| url.to_file_path().ok())
        .ok_or_else(|| failed(format!("the portal named no file but {uri:?}")))?;
    tokio::fs::read(&path).await.map_err(|error| failed(format!("read {}: {error}", path.display())))
}
