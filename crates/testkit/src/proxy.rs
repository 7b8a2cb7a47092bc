//! A proxy on loopback for tests: HTTP (plain requests and CONNECT) and SOCKS5 at one port. Whatever name is asked for, it
//! connects to one given address, so that names which no one knows can be reached through it and in no other way; only
//! addresses of loopback are taken as they are.
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Ends with its value.
pub struct TestProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// How it treats callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Lets,
    /// Asks for a password, and takes none.
    Refuses,
    /// Lets this name with this password through.
    Knows(&'static str, &'static str),
}

impl TestProxy {
    /// # Errors
    /// When no port is free.
    pub async fn start(to: SocketAddr, manner: Manner) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, asked) = (listener.local_addr()?, Arc::new(Mutex::default()));
        let shared = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A caller that goes away is no failure of the proxy.
                tokio::spawn(serve(socket, to, manner, shared.clone()));
            }
        });
        Ok(Self { address, asked, task })
    }

    /// As a setting takes it, under a scheme such as `http` or `socks5h`.
    pub fn address(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Where callers wanted to go, as `host:port`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut caller: TcpStream,
    to: SocketAddr,
    manner: Manner,
    asked: Arc<Mutex<Vec<String>>>,
) -> io::Result<()> {
    let mut first = [0];
    caller.peek(&mut first).await?;
    let Some((target, begun)) =
        (if first == [5] { socks(&mut caller, manner).await? } else { http(&mut caller, manner).await? })
    else {
        return Ok(());
    };
    let here = target.replace("localhost:", "127.0.0.1:").parse().ok();
    let to = here.filter(|target: &SocketAddr| target.ip().is_loopback()).unwrap_or(to);
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(target);
    let mut server = TcpStream::connect(to).await?;
    match begun {
        Begun::Tunnel(answer) => caller.write_all(&answer).await?,
        Begun::Request(head) => server.write_all(&head).await?,
    }
    tokio::io::copy_bidirectional(&mut caller, &mut server).await.map(drop)
}

enum Begun {
    /// What the caller is told before its bytes are passed on.
    Tunnel(Vec<u8>),
    /// The beginning of a plain request, as the server gets it.
    Request(Vec<u8>),
}

/// Nothing where the caller was refused.
async fn http(caller: &mut TcpStream, manner: Manner) -> io::Result<Option<(String, Begun)>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(caller.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
    let basic = |user: &str, word: &str| {
        let said = format!("proxy-authorization: Basic {}", STANDARD.encode(format!("{user}:{word}")));
        text.lines().any(|line| line.eq_ignore_ascii_case(&said))
    };
    let welcome = match manner {
        Manner::Lets => true,
        Manner::Refuses => false,
        Manner::Knows(user, word) => basic(user, word),
    };
    if !welcome {
        let refusal =
            b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"tests\"\r\n\
            content-length: 0\r\n\r\n";
        caller.write_all(refusal).await?;
        return Ok(None);
    }
    if method == "CONNECT" {
        let answer = b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec();
        return Ok(Some((target, Begun::Tunnel(answer))));
    }
    // Absolute form becomes origin form.
    let rest = target.strip_prefix("http://").unwrap_or(&target);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let origin = text.replacen(&target, &format!("/{path}"), 1);
    Ok(Some((host.to_owned(), Begun::Request(origin.into_bytes()))))
}

/// As [`http`].
async fn socks(caller: &mut TcpStream, manner: Manner) -> io::Result<Option<(String, Begun)>> {
    caller.read_u8().await?;
    let mut methods = vec![0; usize::from(caller.read_u8().await?)];
    caller.read_exact(&mut methods).await?;
    let wanted = if manner == Manner::Lets { 0 } else { 2 };
    if manner == Manner::Refuses || !methods.contains(&wanted) {
        caller.write_all(&[5, 0xff]).await?;
        return Ok(None);
    }
    caller.write_all(&[5, wanted]).await?;
    if let Manner::Knows(user, word) = manner {
        // RFC 1929: its version, then each of the two behind its length.
        caller.read_u8().await?;
        let mut said = [Vec::new(), Vec::new()];
        for part in &mut said {
            *part = vec![0; usize::from(caller.read_u8().await?)];
            caller.read_exact(part).await?;
        }
        let known = said == [user.as_bytes(), word.as_bytes()];
        caller.write_all(&[1, u8::from(!known)]).await?;
        if !known {
            return Ok(None);
        }
    }
    let mut request = [0; 4];
    caller.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => Ipv4Addr::from(caller.read_u32().await?).to_string(),
        3 => {
            let mut name = vec![0; usize::from(caller.read_u8().await?)];
            caller.read_exact(&mut name).await?;
            String::from_utf8_lossy(&name).into_owned()
        }
        other => return Err(io::Error::other(format!("address of kind {other}"))),
    };
    let port = caller.read_u16().await?;
    Ok(Some((format!("{host}:{port}"), Begun::Tunnel(vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))))
}
