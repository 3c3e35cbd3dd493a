//! A certificate of our own.

use std::sync::Arc;

use anyhow::Result;
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A key, and the certificate that it goes with.
pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    /// As PEM
    pub(super) certificate: String,
}

impl Identity {
    pub(super) fn generate() -> Result<Self> {
        let generated = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        let key = PrivateKeyDer::try_from(generated.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![generated.cert.der().clone()], key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate: generated.cert.pem() })
    }
}
