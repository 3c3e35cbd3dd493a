//! Tokens, good and forged.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    encoding::AsDer as _,
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

/// A key of a provider, or of a forger.
pub(super) struct Key {
    pub(super) id: &'static str,
    pair: RsaKeyPair,
}

impl Key {
    pub(super) fn new(id: &'static str) -> Self {
        Self { id, pair: RsaKeyPair::generate(KeySize::Rsa2048).unwrap() }
    }

    /// The public half, as providers publish it.
    pub(super) fn published(&self) -> Json {
        let public = self.pair.public_key();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
            "n": encoded(public.modulus().big_endian_without_leading_zero()),
            "e": encoded(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// The public half as bytes, which a forger may take for a shared secret.
    pub(super) fn public_bytes(&self) -> Vec<u8> {
        self.pair.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// A token with this header and these claims.
    pub(super) fn sign(&self, header: &Json, claims: &Json) -> String {
        let signed = unsigned(header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", encoded(&signature))
    }

    /// A token as a provider makes it.
    pub(super) fn token(&self, claims: &Json) -> String {
        self.sign(&json!({ "alg": "RS256", "typ": "JWT", "kid": self.id }), claims)
    }
}

/// Header and claims without a signature.
pub(super) fn unsigned(header: &Json, claims: &Json) -> String {
    format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()))
}

/// A token that is signed with a shared secret.
pub(super) fn with_secret(header: &Json, claims: &Json, secret: &[u8]) -> String {
    let signed = unsigned(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", encoded(tag.as_ref()))
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Seconds since the Unix epoch.
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

/// The claims with other values; null takes one away.
pub(super) fn with(claims: &Json, changes: Json) -> Json {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Json::Null => claims.as_object_mut().unwrap().shift_remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}
