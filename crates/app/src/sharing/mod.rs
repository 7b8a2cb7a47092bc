//! API access as use cases: the worker that answers the chats also serves other programs of this computer or
//! of its network, with their own API keys. It is off by default.
mod access;
mod keys;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::atomic::Ordering;

use contract::{AppEvent, ErrorView, NewSharingKey, SharingRequest, SharingSpec, SharingView, WorkerState};
use jiff::Timestamp;
use protocol::AccessLogEntry;

use self::access::{check, host};
use crate::App;
use crate::convert::storage_error;

pub(crate) use self::access::Sharing;

/// The number of requests that are shown.
const MAX_SHOWN: usize = 200;

/// The address of this computer in its network. Sends nothing: connecting a UDP socket only selects a route.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

fn addresses(host: IpAddr, port: u16) -> Vec<String> {
    let mut all = vec![if host.is_unspecified() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { host }];
    if host.is_unspecified() {
        all.extend(own_address());
    }
    all.iter().map(|ip| format!("http://{}/v1", std::net::SocketAddr::new(*ip, port))).collect()
}

impl App {
    pub async fn sharing(&self) -> Result<SharingView, ErrorView> {
        let spec = self.sharing.spec()?;
        let host = host(&spec)?;
        let worker = self.worker().await?;
        let model_id = worker.model_id.filter(|_| worker.state == WorkerState::Ready && spec.on);
        Ok(SharingView {
            beyond: spec.on && !host.is_loopback(),
            addresses: if spec.on { addresses(host, spec.port) } else { Vec::new() },
            model_id,
            waiting: self.sharing.waiting.load(Ordering::Relaxed) > 0,
            keys: self.sharing.keys.all()?,
            spec,
        })
    }

    /// Stores the settings and restarts a running worker with them.
    pub async fn sharing_save(&self, spec: SharingSpec) -> Result<SharingView, ErrorView> {
        check(&spec)?;
        let before = self.sharing.spec()?;
        self.sharing.save(&spec)?;
        let revokes = before.on && (!spec.on || spec.host != before.host);
        self.restart_worker(revokes).await
    }

    /// As [`App::sharing_save`], but only while this program runs; nothing is stored.
    pub async fn sharing_for_now(&self, spec: SharingSpec) -> Result<SharingView, ErrorView> {
        check(&spec)?;
        *self.sharing.override_spec.lock() = Some(spec);
        self.restart_worker(false).await
    }

    /// A change that takes access away applies at once and stops the answers in progress. Other changes wait
    /// for their end.
    async fn restart_worker(&self, revokes: bool) -> Result<SharingView, ErrorView> {
        let worker = self.worker().await?;
        let runs = matches!(worker.state, WorkerState::Starting | WorkerState::Loading | WorkerState::Ready);
        if let Some(model_id) = worker.model_id.filter(|_| runs) {
            let launch = self.launch(&model_id)?;
            if revokes {
                self.workers.start_at_once(launch).await;
            } else if self.workers.busy(&launch, "").await.is_none() {
                self.workers.start(launch).await;
            } else {
                let (workers, waiting, host) =
                    (self.workers.clone(), self.sharing.waiting.clone(), self.host.clone());
                waiting.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    workers.start_when_free(launch).await;
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    host.emit(AppEvent::SharingChanged);
                });
            }
        }
        self.host.emit(AppEvent::SharingChanged);
        self.sharing().await
    }

    /// Creates a key. The secret is in the result and is not stored.
    pub async fn sharing_key_add(&self, name: &str, days: Option<u32>) -> Result<NewSharingKey, ErrorView> {
        let made = self.sharing.keys.add(name, days)?;
        self.host.emit(AppEvent::SharingChanged);
        Ok(made)
    }

    /// Removes a key, which the worker refuses from now on.
    pub async fn sharing_key_remove(&self, id: &str) -> Result<(), ErrorView> {
        self.sharing.keys.remove(id)?;
        self.host.emit(AppEvent::SharingChanged);
        Ok(())
    }

    /// The last requests of other programs, the latest first.
    pub async fn sharing_requests(&self) -> Result<Vec<SharingRequest>, ErrorView> {
        let text = match std::fs::read_to_string(&self.sharing.log) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(storage_error("read the requests", &self.sharing.log, &error)),
        };
        // A line that a full disk cut off is skipped.
        Ok(text.lines().rev().filter_map(request).take(MAX_SHOWN).collect())
    }
}

fn request(line: &str) -> Option<SharingRequest> {
    let entry: AccessLogEntry = serde_json::from_str(line).ok()?;
    let count = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    Some(SharingRequest {
        at: Timestamp::from_second(i64::try_from(entry.at).ok()?).ok()?.to_string(),
        key: entry.key,
        path: entry.path,
        status: entry.status,
        ms: count(entry.ms),
        prompt_tokens: count(entry.prompt_tokens),
        completion_tokens: count(entry.completion_tokens),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_programs_reach() {
        assert_eq!(addresses(Ipv4Addr::LOCALHOST.into(), 80), ["http://127.0.0.1:80/v1"]);
        assert_eq!(addresses(Ipv4Addr::UNSPECIFIED.into(), 80)[0], "http://127.0.0.1:80/v1");
        assert_eq!(addresses("::1".parse().expect("is one"), 80), ["http://[::1]:80/v1"]);
    }

    #[test]
    fn a_line_of_the_log_is_read_and_a_broken_one_passed_over() {
        let line = "{\"at\":0,\"key\":\"a\",\"path\":\"/v1/models\",\"status\":200,\"ms\":3,\"prompt_tokens\":1,\
                    \"completion_tokens\":2,\"whole\":true}";
        let read = request(line).expect("is one");
        assert_eq!((read.at.as_str(), read.key.as_str(), read.status), ("1970-01-01T00:00:00Z", "a", 200));
        assert_eq!(request(&line[..20]), None);
    }
}
