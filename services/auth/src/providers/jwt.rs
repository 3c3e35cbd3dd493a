//! Signed tokens (JWT). A [`Verifier`] cannot be made without saying who issues them, for whom, and how they are signed.

mod keys;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, crypto};
use parsefleet_core::error::Result;
use serde_json::{Map, Value as Json};

pub(super) use self::keys::Keys;
use super::refused;

/// Longest token that is looked at.
const LONGEST: usize = 16 * 1024;

/// What a token says.
pub(super) type Claims = Map<String, Json>;

/// One or more of something.
#[derive(Clone, Debug)]
pub(super) struct OneOrMore<T> {
    first: T,
    rest: Vec<T>,
}

/// Whom a token has to be for.
#[derive(Debug)]
pub(super) enum Audience {
    /// One of these, in `aud`.
    For(OneOrMore<String>),
    /// The party that it was given to, in `azp`.
    GivenTo(String),
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    /// RSA with SHA-256.
    Rs256,
}

/// Proves tokens of one provider.
pub(super) struct Verifier {
    keys: Keys,
    issuers: OneOrMore<String>,
    /// What is said of a token of somebody else.
    wrong_issuer: &'static str,
    audience: Audience,
    signatures: OneOrMore<Signature>,
}

/// A token taken apart.
struct Token<'a> {
    /// What the signature is about.
    signed: &'a str,
    signature: &'a str,
    header: Map<String, Json>,
    payload: &'a str,
}

impl<T> OneOrMore<T> {
    pub(super) fn one(first: T) -> Self {
        Self { first, rest: Vec::new() }
    }

    /// `None` if there is none.
    pub(super) fn of(all: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut all = all.into_iter();
        Some(Self { first: all.next()?, rest: all.collect() })
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl OneOrMore<String> {
    fn joined(&self) -> String {
        self.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
    }
}

impl Verifier {
    pub(super) fn new(
        keys: Keys,
        issuers: OneOrMore<String>,
        wrong_issuer: &'static str,
        audience: Audience,
        signatures: OneOrMore<Signature>,
    ) -> Self {
        Self { keys, issuers, wrong_issuer, audience, signatures }
    }

    /// What the token says about this subject.
    ///
    /// # Errors
    /// 101, in the words of Parse Server and of the library that it uses.
    pub(super) async fn verify(&self, token: &str, subject: Option<&Json>) -> Result<Claims> {
        let token = Token::parse(token).ok_or_else(|| refused("provided token does not decode as JWT"))?;
        let key_id = token.header.get("kid").and_then(Json::as_str);
        let key = self.keys.find(key_id).await?;
        if token.signature.is_empty() {
            return Err(refused("jwt signature is required"));
        }
        let algorithm = self.algorithm(&token).ok_or_else(|| refused("invalid algorithm"))?;
        if !crypto::verify(token.signature, token.signed.as_bytes(), &key, algorithm).unwrap_or(false) {
            return Err(refused("invalid signature"));
        }
        let claims = token.claims().ok_or_else(|| refused("invalid token"))?;
        check_times(&claims, now())?;
        if let Audience::For(audience) = &self.audience {
            check_audience(&claims, audience)?;
        }
        self.check_issuer(&claims)?;
        if let Audience::GivenTo(party) = &self.audience {
            check_party(&claims, party)?;
        }
        match claims.get("sub") {
            Some(Json::String(sub)) if !sub.is_empty() && subject.and_then(Json::as_str) == Some(sub) => Ok(claims),
            _ => Err(refused("auth data is invalid for this user.")),
        }
    }

    /// The algorithm of the header, if it is one of those that are accepted. A critical extension is one that nobody here knows.
    fn algorithm(&self, token: &Token<'_>) -> Option<Algorithm> {
        if token.header.contains_key("crit") {
            return None;
        }
        let name = token.header.get("alg")?.as_str()?;
        self.signatures.iter().find(|signature| signature.name() == name).map(|signature| match signature {
            Signature::Rs256 => Algorithm::RS256,
        })
    }

    fn check_issuer(&self, claims: &Claims) -> Result<()> {
        let issuer = claims.get("iss").and_then(Json::as_str);
        if issuer.is_some_and(|issuer| self.issuers.iter().any(|expected| expected == issuer)) {
            return Ok(());
        }
        let expected = self.issuers.joined();
        Err(refused(format!("{} - expected: {expected} | from: {}", self.wrong_issuer, shown(claims.get("iss")))))
    }
}

impl Signature {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
        }
    }
}

impl<'a> Token<'a> {
    /// Three parts, of which the first is an object; the third may be empty.
    fn parse(token: &'a str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if header.is_empty() || payload.is_empty() || ![header, payload, signature].into_iter().all(plain) {
            return None;
        }
        Some(Self { signed, signature, header: object(header)?, payload })
    }

    fn claims(&self) -> Option<Claims> {
        object(self.payload)
    }
}

fn object(part: &str) -> Option<Map<String, Json>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn check_times(claims: &Claims, now: f64) -> Result<()> {
    match claims.get("nbf").map(Json::as_f64) {
        None => {}
        Some(None) => return Err(refused("invalid nbf value")),
        Some(Some(start)) if start > now => return Err(refused("jwt not active")),
        Some(Some(_)) => {}
    }
    // A token that never ends is none that a provider of identities gives out.
    match claims.get("exp").and_then(Json::as_f64) {
        None => Err(refused("invalid exp value")),
        Some(end) if now >= end => Err(refused("jwt expired")),
        Some(_) => Ok(()),
    }
}

fn check_audience(claims: &Claims, audience: &OneOrMore<String>) -> Result<()> {
    let is_meant = |given: &Json| audience.iter().any(|expected| given.as_str() == Some(expected));
    let meant = match claims.get("aud") {
        Some(Json::Array(given)) => given.iter().any(is_meant),
        Some(given) => is_meant(given),
        None => false,
    };
    if meant { Ok(()) } else { Err(refused(format!("jwt audience invalid. expected: {}", audience.joined()))) }
}

fn check_party(claims: &Claims, party: &str) -> Result<()> {
    if claims.get("azp").and_then(Json::as_str) == Some(party) {
        return Ok(());
    }
    let from = shown(claims.get("azp"));
    Err(refused(format!("access token is not authorized for this client - expected: {party} | from: {from}")))
}

/// A claim as JavaScript prints it.
fn shown(claim: Option<&Json>) -> String {
    match claim {
        None => "undefined".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64().floor()
}
