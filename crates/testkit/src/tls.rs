//! TLS in front of a plain server on loopback, with a certificate of an unknown authority, as internal
//! services and TLS-inspecting proxies of companies have.
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Certificate of the authority (PEM). It signs `cloud.example` and `hub.example`.
pub const AUTHORITY: &str = include_str!("../certificates/authority.pem");

/// Dropping it stops the server.
pub struct TestTls {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TestTls {
    /// Forwards the decrypted bytes to the server at `to`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(to: SocketAddr) -> io::Result<Self> {
        let chain = CertificateDer::pem_slice_iter(include_bytes!("../certificates/server.pem"));
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../certificates/server.key"));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key.map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(config)), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // A client that does not trust the authority disconnects, which some tests expect.
                tokio::spawn(async move {
                    let mut client = acceptor.accept(socket).await?;
                    let mut server = TcpStream::connect(to).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Ok(Self { address, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TestTls {
    fn drop(&mut self) {
        self.task.abort();
    }
}
