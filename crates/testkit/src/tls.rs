//! TLS before a plain server on loopback, with a certificate of an authority that no system knows: what a company's own
//! services, and its devices that look into connections, are like.
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

/// Of the authority, in PEM form: whoever trusts it trusts `cloud.example` and `hub.example` here.
pub const AUTHORITY: &str = include_str!("../certificates/authority.pem");

/// Ends with its value.
pub struct TestTls {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TestTls {
    /// Passes on what it decrypts to the server at `to`.
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
                // A caller that does not trust us goes away; that is what some tests are about.
                tokio::spawn(async move {
                    let mut caller = acceptor.accept(socket).await?;
                    let mut server = TcpStream::connect(to).await?;
                    tokio::io::copy_bidirectional(&mut caller, &mut server).await
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
