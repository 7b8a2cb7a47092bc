//! `org.freedesktop.portal.Screenshot`: the desktop asks the person what may be seen, and gives a file.
use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use zbus::zvariant::{ObjectPath, OwnedValue, Value};
use zbus::{Connection, MatchRule, MessageStream, Proxy};

const SERVICE: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SCREENSHOT: &str = "org.freedesktop.portal.Screenshot";
/// A portal is started on demand; one that takes longer is as good as none.
const FOUND: Duration = Duration::from_secs(5);
/// The first version that lets the person choose a part.
const CHOOSES: u32 = 2;

pub struct Portal {
    bus: Connection,
    version: u32,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The bytes of a picture file.
    Picture(Vec<u8>),
    /// The person closed it.
    Closed,
    /// It ended in another way.
    Nothing,
}

#[derive(Debug)]
pub struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

fn failed(error: impl std::fmt::Display) -> Failed {
    Failed(error.to_string())
}

impl Portal {
    /// The portal of this session, if it takes pictures of the screen.
    pub async fn find() -> Option<Self> {
        Self::on(Connection::session().await.ok()?).await
    }

    /// The portal of a bus.
    pub async fn on(bus: Connection) -> Option<Self> {
        let asked = async {
            let screenshot = Proxy::new(&bus, SERVICE, PATH, SCREENSHOT).await?;
            screenshot.get_property::<u32>("version").await
        };
        let version = tokio::time::timeout(FOUND, asked).await.ok()?.ok()?;
        Some(Self { bus, version })
    }

    /// Whether the desktop asks which part of the screen it shall be.
    pub fn lets_choose(&self) -> bool {
        self.version >= CHOOSES
    }

    /// Asks for a picture and waits for the person. The file stays where the desktop put it: it is the desktop's, and
    /// often among the person's own pictures.
    ///
    /// # Errors
    /// When the bus or the portal fails, or the file cannot be read.
    pub async fn picture(&self) -> Result<Answer, Failed> {
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
        // Listened for before asking: an answer may come before the name of the request does.
        let mut answers = MessageStream::for_match_rule(rule, &self.bus, None).await.map_err(failed)?;
        let screenshot = Proxy::new(&self.bus, SERVICE, PATH, SCREENSHOT).await.map_err(failed)?;
        let options = HashMap::from([
            ("handle_token", Value::from(token.as_str())),
            ("modal", Value::from(false)),
            ("interactive", Value::from(self.lets_choose())),
        ]);
        let request: zbus::zvariant::OwnedObjectPath =
            screenshot.call("Screenshot", &("", options)).await.map_err(failed)?;
        while let Some(message) = answers.next().await {
            let message = message.map_err(failed)?;
            let header = message.header();
            let of = header.path().map(ObjectPath::as_str);
            // Old portals name the request otherwise than they were told.
            if of != Some(request.as_str()) && of != Some(expected.as_str()) {
                continue;
            }
            let body = message.body();
            let (code, mut results): (u32, HashMap<String, OwnedValue>) =
                body.deserialize().map_err(failed)?;
            return match code {
                0 => {
                    let uri = results.remove("uri").ok_or_else(|| failed("the portal named no file"))?;
                    read(&String::try_from(uri).map_err(failed)?).await.map(Answer::Picture)
                }
                1 => Ok(Answer::Closed),
                _ => Ok(Answer::Nothing),
            };
        }
        Err(failed("the bus closed"))
    }
}

async fn read(uri: &str) -> Result<Vec<u8>, Failed> {
    let path = tauri::Url::parse(uri)
        .ok()
        .and_then(|url| url.to_file_path().ok())
        .ok_or_else(|| failed(format!("the portal named no file but {uri:?}")))?;
    tokio::fs::read(&path).await.map_err(|error| failed(format!("read {}: {error}", path.display())))
}
