//! Game Center: signatures, certificates, and where they come from.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value as Json, json};

use super::{
    providers, says,
    server::{Reply, Server},
    sign_up,
};
use crate::providers::Providers;

const URL: &str = "https://static.gc.apple.com/public-key/gc-prod-6.cer";
const TIME: u64 = 1_565_257_031_287;

/// An authority, and the certificate that it issued.
struct Authority {
    pem: String,
    certificate: Vec<u8>,
    key: RsaKeyPair,
}

impl Authority {
    fn new(name: &str, is_over: bool) -> Self {
        let rsa = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let (root_key, key) = (rsa(), rsa());
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, name);
        let pem = root.self_signed(&root_key).unwrap().pem();
        let mut leaf = CertificateParams::default();
        leaf.distinguished_name.push(DnType::CommonName, "Apple Inc.");
        if is_over {
            leaf.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let issuer = Issuer::new(root, root_key);
        let certificate = leaf.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self { pem, certificate, key: RsaKeyPair::from_pkcs8(&key.serialize_der()).unwrap() }
    }

    /// What a device is given for the player "p1" of the app "com.example.app".
    fn sign(&self) -> Json {
        let mut message = b"p1com.example.app".to_vec();
        message.extend_from_slice(&TIME.to_be_bytes());
        message.extend_from_slice(b"salt");
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).unwrap();
        json!({
            "id": "p1", "publicKeyUrl": URL, "timestamp": TIME,
            "signature": STANDARD.encode(signature), "salt": STANDARD.encode("salt"),
        })
    }
}

/// Serves the root's certificate, and that of the other.
async fn serve(root: &Authority, issued: &Authority) -> Server {
    let (pem, certificate) = (root.pem.clone(), issued.certificate.clone());
    Server::start(move |asked| match asked.what.as_str() {
        "GET /root.pem" => Reply::text(&pem).with("content-type", "application/x-pem-file"),
        "GET /root.txt" => Reply::text(&pem).with("content-type", "text/plain"),
        "GET /keys/public-key/gc-prod-6.cer" => Reply::bytes(certificate.clone()).with("cache-control", "max-age=3600"),
        _ => Reply::status(404),
    })
    .await
}

fn game_center(server: &Server, root: &str, bundle_id: Json) -> Providers {
    let mut options = json!({
        "rootCertificateUrl": format!("{}/{root}", server.url), "endpoints": { "publicKeys": format!("{}/keys", server.url) },
        "enableInsecureAuth": bundle_id.is_null(),
    });
    options["bundleId"] = bundle_id;
    providers(&json!({ "gcenter": options }))
}

fn changed(sent: &Json, name: &str, value: Json) -> Json {
    let mut sent = sent.clone();
    sent[name] = value;
    sent
}

#[tokio::test]
async fn players_are_known_by_apples_signature() {
    let apple = Authority::new("Root", false);
    let server = serve(&apple, &apple).await;
    let set_up = game_center(&server, "root.pem", json!("com.example.app"));
    let sent = apple.sign();
    assert_eq!(sign_up(&set_up, "gcenter", sent.clone()).await, Ok(sent.clone()));
    assert!(sign_up(&set_up, "gcenter", changed(&sent, "timestamp", json!(TIME.to_string()))).await.is_ok());
    assert_eq!(server.asked().len(), 2, "certificates are kept");

    for (name, value) in [
        ("id", json!("p2")),
        ("timestamp", json!(TIME + 1)),
        ("timestamp", json!("soon")),
        ("salt", json!(STANDARD.encode("pepper"))),
        ("salt", json!("?")),
        ("signature", json!(STANDARD.encode([0; 256]))),
        ("signature", json!("?")),
    ] {
        let answer = sign_up(&set_up, "gcenter", changed(&sent, name, value)).await;
        assert_eq!(answer, says(101, "Invalid signature."), "{name}");
    }
    for name in ["id", "publicKeyUrl", "timestamp", "signature", "salt"] {
        let answer = sign_up(&set_up, "gcenter", changed(&sent, name, Json::Null)).await;
        assert_eq!(answer, says(101, &format!("AuthData {name} is missing.")));
    }
    let other_app = game_center(&server, "root.pem", json!("com.example.other"));
    assert_eq!(sign_up(&other_app, "gcenter", sent).await, says(101, "Invalid signature."));
}

#[tokio::test]
async fn keys_come_from_apple_alone() {
    let apple = Authority::new("Root", false);
    let server = serve(&apple, &apple).await;
    let set_up = game_center(&server, "root.pem", json!("com.example.app"));
    for url in [
        "http://static.gc.apple.com/public-key/gc-prod-6.cer",
        "https://apple.com.evil.example/public-key/gc-prod-6.cer",
        "https://evilapple.com/public-key/gc-prod-6.cer",
        "https://evil.example/x?y=.apple.com/public-key/gc-prod-6.cer",
        "https://evil.example#.apple.com/public-key/gc-prod-6.cer",
        "https://user@apple.com/public-key/gc-prod-6.cer",
        "https://static.gc.apple.com/public-key/gc-prod-6.pem",
        "https://static.gc.apple.com/../public-key/gc-prod-6.cer",
        "https://static.gc.apple.com/unknown.cer",
    ] {
        let answer = sign_up(&set_up, "gcenter", changed(&apple.sign(), "publicKeyUrl", json!(url))).await;
        assert_eq!(answer, says(101, &format!("Invalid publicKeyUrl: {url}")));
    }
}

#[tokio::test]
async fn certificates_are_those_that_the_root_issued() {
    let (apple, forger, over) =
        (Authority::new("Root", false), Authority::new("Root", false), Authority::new("Root", true));
    let invalid = says(101, &format!("Invalid publicKeyUrl: {URL}"));
    for (root, issued) in [(&apple, &forger), (&over, &over)] {
        let server = serve(root, issued).await;
        let set_up = game_center(&server, "root.pem", json!("com.example.app"));
        assert_eq!(sign_up(&set_up, "gcenter", issued.sign()).await, invalid);
    }
    let server = serve(&apple, &apple).await;
    for root in ["root.txt", "nothing.pem"] {
        let set_up = game_center(&server, root, json!("com.example.app"));
        let answer = sign_up(&set_up, "gcenter", apple.sign()).await;
        assert_eq!(answer, says(101, "Invalid rootCertificateURL."));
    }
}

#[tokio::test]
async fn clients_may_name_the_app_if_it_is_switched_on() {
    let apple = Authority::new("Root", false);
    let server = serve(&apple, &apple).await;
    let set_up = game_center(&server, "root.pem", Json::Null);
    let sent = apple.sign();
    assert_eq!(sign_up(&set_up, "gcenter", sent.clone()).await, says(101, "AuthData bundleId is missing."));
    assert!(sign_up(&set_up, "gcenter", changed(&sent, "bundleId", json!("com.example.app"))).await.is_ok());
}
