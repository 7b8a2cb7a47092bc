//! A proxy on loopback: HTTP (plain requests and CONNECT) and SOCKS5 on one port. It connects to one given
//! address whatever the requested host name, so that an unresolvable name is reachable through the proxy
//! only. Loopback addresses are connected to directly.
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Dropping it stops the proxy.
pub struct TestProxy {
    address: SocketAddr,
    targets: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// Authentication that the proxy requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyAuth {
    Open,
    /// Requires a password and accepts none.
    Reject,
    /// Requires this user name and password.
    Basic(&'static str, &'static str),
}

impl TestProxy {
    /// # Errors
    /// When no port is free.
    pub async fn start(to: SocketAddr, auth: ProxyAuth) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, targets) = (listener.local_addr()?, Arc::new(Mutex::default()));
        let shared = targets.clone();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A disconnected client is no failure of the proxy.
                tokio::spawn(serve(socket, to, auth, shared.clone()));
            }
        });
        Ok(Self { address, targets, task })
    }

    /// The address as a setting, with a scheme such as `http` or `socks5h`.
    pub fn address(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// The requested targets, as `host:port`.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().clone()
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut client: TcpStream,
    to: SocketAddr,
    auth: ProxyAuth,
    targets: Arc<Mutex<Vec<String>>>,
) -> io::Result<()> {
    let mut first = [0];
    client.peek(&mut first).await?;
    let Some((target, handshake)) =
        (if first == [5] { socks(&mut client, auth).await? } else { http(&mut client, auth).await? })
    else {
        return Ok(());
    };
    let loopback = target.replace("localhost:", "127.0.0.1:").parse().ok();
    let to = loopback.filter(|target: &SocketAddr| target.ip().is_loopback()).unwrap_or(to);
    targets.lock().push(target);
    let mut server = TcpStream::connect(to).await?;
    match handshake {
        Handshake::Tunnel(answer) => client.write_all(&answer).await?,
        Handshake::Request(head) => server.write_all(&head).await?,
    }
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

enum Handshake {
    /// The response to the client before its bytes are forwarded.
    Tunnel(Vec<u8>),
    /// The head of a plain request, as it is forwarded to the server.
    Request(Vec<u8>),
}

/// `None` when the client was rejected.
async fn http(client: &mut TcpStream, auth: ProxyAuth) -> io::Result<Option<(String, Handshake)>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut fields = text.split(' ');
    let (method, target) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default().to_owned());
    let basic = |user: &str, password: &str| {
        let credentials =
            format!("proxy-authorization: Basic {}", STANDARD.encode(format!("{user}:{password}")));
        text.lines().any(|line| line.eq_ignore_ascii_case(&credentials))
    };
    let authorized = match auth {
        ProxyAuth::Open => true,
        ProxyAuth::Reject => false,
        ProxyAuth::Basic(user, password) => basic(user, password),
    };
    if !authorized {
        let rejection =
            b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"tests\"\r\n\
            content-length: 0\r\n\r\n";
        client.write_all(rejection).await?;
        return Ok(None);
    }
    if method == "CONNECT" {
        let answer = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
        return Ok(Some((target, Handshake::Tunnel(answer))));
    }
    // Absolute form becomes origin form.
    let rest = target.strip_prefix("http://").unwrap_or(&target);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let origin = text.replacen(&target, &format!("/{path}"), 1);
    Ok(Some((host.to_owned(), Handshake::Request(origin.into_bytes()))))
}

/// As [`http`].
async fn socks(client: &mut TcpStream, auth: ProxyAuth) -> io::Result<Option<(String, Handshake)>> {
    client.read_u8().await?;
    let mut methods = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut methods).await?;
    let method = if auth == ProxyAuth::Open { 0 } else { 2 };
    if auth == ProxyAuth::Reject || !methods.contains(&method) {
        client.write_all(&[5, 0xff]).await?;
        return Ok(None);
    }
    client.write_all(&[5, method]).await?;
    if let ProxyAuth::Basic(user, password) = auth {
        // RFC 1929: the version, then user name and password, each after its length.
        client.read_u8().await?;
        let mut credentials = [Vec::new(), Vec::new()];
        for part in &mut credentials {
            *part = vec![0; usize::from(client.read_u8().await?)];
            client.read_exact(part).await?;
        }
        let valid = credentials == [user.as_bytes(), password.as_bytes()];
        client.write_all(&[1, u8::from(!valid)]).await?;
        if !valid {
            return Ok(None);
        }
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => {
            let mut name = vec![0; usize::from(client.read_u8().await?)];
            client.read_exact(&mut name).await?;
            String::from_utf8_lossy(&name).into_owned()
        }
        other => return Err(io::Error::other(format!("address of kind {other}"))),
    };
    let port = client.read_u16().await?;
    Ok(Some((format!("{host}:{port}"), Handshake::Tunnel(vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))))
}
