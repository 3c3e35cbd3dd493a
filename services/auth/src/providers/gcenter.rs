//! `gcenter`: Apple's Game Center. Clients send `id`, `publicKeyUrl`, `timestamp`, `signature` and `salt`, as the player's device
//! was given them by Apple.

mod certificate;

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use moka::{Expiry, future::Cache};
use parsefleet_core::{ParseError, error::Result};
use parsefleet_runtime::config::providers::GameCenter as Options;
use serde_json::Value as Json;
use tokio::sync::OnceCell;

use self::certificate::Certificate;
use super::{
    Occasion, Provider, Slice, Verdict,
    http::{self, Http},
    refused, text,
};

const ROOT: &str = "https://cacerts.digicert.com/DigiCertTrustedG4CodeSigningRSA4096SHA3842021CA1.crt.pem";
/// Longest file of the root's certificate.
const ROOT_LIMIT: usize = 10_000;
/// Most certificates of Apple that are kept.
const KEPT: u64 = 100;

/// Proves signatures of Apple over a player's id.
pub(super) struct GameCenter {
    bundle_id: Option<String>,
    root_url: String,
    /// Where the path of a public key's URL is looked up, instead of the host that it names.
    keys_from: Option<String>,
    root: OnceCell<Certificate>,
    kept: Cache<String, Kept>,
    http: Http,
}

/// A certificate that the root vouches for, and for how long it may be kept.
#[derive(Clone)]
struct Kept {
    certificate: Certificate,
    lives: Duration,
}

struct Lives;

impl Expiry<String, Kept> for Lives {
    fn expire_after_create(&self, _url: &String, kept: &Kept, _now: std::time::Instant) -> Option<Duration> {
        Some(kept.lives)
    }
}

impl GameCenter {
    pub(super) fn new(options: &Options, keys_from: Option<&str>, http: &Http) -> Self {
        Self {
            bundle_id: options.bundle_id.clone(),
            root_url: options.root_certificate_url.clone().unwrap_or_else(|| ROOT.to_owned()),
            keys_from: keys_from.map(str::to_owned),
            root: OnceCell::new(),
            kept: Cache::builder().max_capacity(KEPT).expire_after(Lives).build(),
            http: http.clone(),
        }
    }

    async fn root(&self) -> Result<&Certificate> {
        self.root.get_or_try_init(|| self.fetch_root()).await
    }

    async fn fetch_root(&self) -> Result<Certificate> {
        let invalid = || refused("Invalid rootCertificateURL.");
        let answer = http::ask("gcenter", self.http.get(&self.root_url)).await.map_err(|_| invalid())?;
        let is_pem = answer.header("content-type") == Some("application/x-pem-file");
        if !answer.status.is_success() || !is_pem || answer.body.len() > ROOT_LIMIT {
            return Err(invalid());
        }
        Certificate::from_pem(&answer.body).ok_or_else(|| refused("Root certificate is invalid or missing."))
    }

    /// The certificate behind a URL of Apple's.
    async fn certificate(&self, url: &str) -> Result<Certificate> {
        let path = path_at_apple(url).ok_or_else(|| invalid_url(url))?;
        if let Some(kept) = self.kept.get(url).await {
            return Ok(kept.certificate);
        }
        let fetched = self.keys_from.as_ref().map(|base| format!("{base}{path}"));
        let answer = http::ask("gcenter", self.http.get(fetched.as_deref().unwrap_or(url))).await;
        let answer = answer.ok().filter(|answer| answer.status.is_success()).ok_or_else(|| invalid_url(url))?;
        let certificate = Certificate::from_pem(&answer.body).or_else(|| Certificate::from_der(&answer.body));
        let certificate = certificate.ok_or_else(|| invalid_url(url))?;
        if !self.root().await?.vouches_for(&certificate) {
            return Err(invalid_url(url));
        }
        if let Some(seconds) = answer.max_age().filter(|seconds| *seconds > 0) {
            let kept = Kept { certificate: certificate.clone(), lives: Duration::from_secs(seconds) };
            self.kept.insert(url.to_owned(), kept).await;
        }
        Ok(certificate)
    }
}

#[async_trait]
impl Provider for GameCenter {
    async fn validate(&self, slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        let needed = ["id", "publicKeyUrl", "timestamp", "signature", "salt"];
        let bundle_id = self.bundle_id.is_none().then_some("bundleId");
        for name in needed.into_iter().chain(bundle_id) {
            if !is_given(slice.get(name)) {
                return Err(refused(format!("AuthData {name} is missing.")));
            }
        }
        let certificate = self.certificate(text(slice, "publicKeyUrl").unwrap_or_default()).await?;
        let message = self.message(slice).ok_or_else(invalid_signature)?;
        let signature = text(slice, "signature").and_then(|signature| STANDARD.decode(signature).ok());
        let signature = signature.ok_or_else(invalid_signature)?;
        if certificate.signed(&message, &signature) { Ok(Verdict::GOOD) } else { Err(invalid_signature()) }
    }
}

impl GameCenter {
    /// What Apple signs: the player, the app, the time as eight bytes, and the salt.
    fn message(&self, slice: &Slice) -> Option<Vec<u8>> {
        let bundle_id = self.bundle_id.as_deref().or_else(|| text(slice, "bundleId"))?;
        let timestamp: u64 = match slice.get("timestamp")? {
            Json::Number(number) => number.as_u64()?,
            Json::String(digits) => digits.parse().ok()?,
            _ => return None,
        };
        let mut message = text(slice, "id")?.as_bytes().to_vec();
        message.extend_from_slice(bundle_id.as_bytes());
        message.extend_from_slice(&timestamp.to_be_bytes());
        message.extend(STANDARD.decode(text(slice, "salt")?).ok()?);
        Some(message)
    }
}

/// What JavaScript takes as there.
fn is_given(value: Option<&Json>) -> bool {
    match value {
        None | Some(Json::Null | Json::Bool(false)) => false,
        Some(Json::String(text)) => !text.is_empty(),
        Some(Json::Number(number)) => number.as_f64() != Some(0.0),
        Some(_) => true,
    }
}

/// The path of a certificate on one of Apple's servers.
fn path_at_apple(url: &str) -> Option<&str> {
    let (host, _) = url.strip_prefix("https://")?.split_once('/')?;
    let path = &url["https://".len() + host.len()..];
    let is_apple = host == "apple.com" || host.ends_with(".apple.com");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let clean = path.bytes().all(|byte| plain(byte) || byte == b'/') && !path.contains("..");
    (is_apple && host.bytes().all(plain) && clean && path.ends_with(".cer")).then_some(path)
}

fn invalid_url(url: &str) -> ParseError {
    refused(format!("Invalid publicKeyUrl: {url}"))
}

fn invalid_signature() -> ParseError {
    refused("Invalid signature.")
}
