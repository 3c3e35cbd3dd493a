//! Mutual TLS between services.
//!
//! The files are read again while the process runs, so that renewed certificates take effect without a restart.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::config::Tls;

/// Age after which certificates are read again.
const REREAD_AFTER: Duration = Duration::from_secs(60);

/// A handshake that takes longer has failed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificates do not work together.
    #[error("set up TLS: {0}")]
    Rustls(#[from] rustls::Error),
    /// The authority cannot verify clients.
    #[error("set up client verification: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The host of an address cannot be in a certificate.
    #[error("not a server name: {0}")]
    Name(#[from] InvalidDnsNameError),
}

/// Files of certificate, key and authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    authority: PathBuf,
}

impl From<&Tls> for TlsFiles {
    fn from(files: &Tls) -> Self {
        Self { certificate: files.certificate.clone(), key: files.key.clone(), authority: files.authority.clone() }
    }
}

impl TlsFiles {
    fn server(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()?), provider()).build()?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(&self.certificate)?, self.private_key()?)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }

    fn client(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(certificates(&self.certificate)?, self.private_key()?)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.authority)? {
            roots.add(certificate)?;
        }
        Ok(roots)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_file(&self.key).map_err(|source| TlsError::File { path: self.key.clone(), source })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |source| TlsError::File { path: path.to_owned(), source };
    CertificateDer::pem_file_iter(path).map_err(error)?.collect::<Result<_, _>>().map_err(error)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A setup made from files, made anew when it is old. If the new files do not work, the old setup stays.
struct Renewed<T> {
    files: TlsFiles,
    make: fn(&TlsFiles) -> Result<Arc<T>, TlsError>,
    current: Mutex<(Arc<T>, Instant)>,
}

impl<T> Renewed<T> {
    fn try_new(files: TlsFiles, make: fn(&TlsFiles) -> Result<Arc<T>, TlsError>) -> Result<Self, TlsError> {
        let current = Mutex::new((make(&files)?, Instant::now()));
        Ok(Self { files, make, current })
    }

    fn get(&self) -> Arc<T> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1.elapsed() > REREAD_AFTER {
            current.1 = Instant::now();
            match (self.make)(&self.files) {
                Ok(made) => current.0 = made,
                Err(error) => tracing::warn!(%error, "certificates not renewed, the old ones stay"),
            }
        }
        Arc::clone(&current.0)
    }
}

/// The server's half: only clients with a certificate of the authority get through.
#[derive(Clone)]
pub(crate) struct ServerTls {
    config: Arc<Renewed<ServerConfig>>,
}

impl ServerTls {
    pub(crate) fn try_new(files: TlsFiles) -> Result<Self, TlsError> {
        Ok(Self { config: Arc::new(Renewed::try_new(files, TlsFiles::server)?) })
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        tokio::time::timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(self.config.get()).accept(stream)).await?
    }
}

/// The client's half: only servers with a certificate of the authority for the name are believed.
#[derive(Clone)]
pub(crate) struct ClientTls {
    config: Arc<Renewed<ClientConfig>>,
}

impl ClientTls {
    pub(crate) fn try_new(files: TlsFiles) -> Result<Self, TlsError> {
        Ok(Self { config: Arc::new(Renewed::try_new(files, TlsFiles::client)?) })
    }

    pub(crate) async fn connect(
        &self,
        name: ServerName<'static>,
        stream: TcpStream,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let connector = TlsConnector::from(self.config.get());
        tokio::time::timeout(HANDSHAKE_TIMEOUT, connector.connect(name, stream)).await?
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ServerTls").field(&self.config.files).finish()
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ClientTls").field(&self.config.files).finish()
    }
}
