//! Mutual TLS between services.

use std::path::Path;

use parsefleet_runtime::{
    config::Tls,
    rpc::{ClientOptions, ServeOptions, tls::TlsFiles},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::Code;

use super::support::{Backend, client, get};

/// Writes an authority and a certificate that it signed for `localhost` and `127.0.0.1`.
fn issue(folder: &Path, name: &str) -> TlsFiles {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let write = |kind: &str, text: String| {
        let path = folder.join(format!("{name}-{kind}.pem"));
        std::fs::write(&path, text).unwrap();
        path
    };
    TlsFiles::from(&Tls {
        certificate: write("certificate", certificate.pem()),
        key: write("key", key.serialize_pem()),
        authority: write("authority", authority.pem()),
    })
}

#[tokio::test]
async fn only_the_authoritys_services_talk_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, strangers) = (issue(folder.path(), "ours"), issue(folder.path(), "strangers"));
    let backend = Backend::start_with(ServeOptions { tls: Some(ours.clone()), ..ServeOptions::default() }).await;
    let port = backend.address.port();
    for (target, tls, works) in [
        (format!("https://127.0.0.1:{port}"), Some(ours.clone()), true),
        (format!("https://localhost:{port}"), Some(ours.clone()), true),
        (format!("https://127.0.0.1:{port}"), Some(strangers), false),
        (format!("http://127.0.0.1:{port}"), None, false),
    ] {
        let client = client(&target, ClientOptions { tls, ..ClientOptions::default() });
        let code = get(&client, "Ok").await.err().map(|error| error.code());
        assert_eq!(code, if works { None } else { Some(Code::Unavailable) }, "{target}");
    }
    assert_eq!(backend.calls(), 2);
}

#[tokio::test]
async fn https_without_certificates_is_refused_when_configured() {
    let error = parsefleet_runtime::rpc::Channel::connect("https://data:7000", ClientOptions::default()).unwrap_err();
    assert!(error.to_string().contains("PARSEFLEET_TLS_CERT"), "{error}");
}
