//! As much of X.509 as it takes to know whether one certificate was signed with the key of another, and a message with its own.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Explicit tag of the version of a certificate.
const VERSION: u8 = 0xa0;
/// 1.2.840.113549.1.1, under which RSA and its signatures are.
const PKCS1: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];

/// A certificate with an RSA key.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    /// What its issuer signed.
    signed: Vec<u8>,
    algorithm: u8,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    /// From when to when it is good, in seconds since the Unix epoch.
    validity: (i64, i64),
    /// The key, in the form of PKCS #1.
    key: Vec<u8>,
}

/// A value of DER: its tag, its contents, and all of its bytes.
#[derive(Clone, Copy)]
struct Value<'a> {
    tag: u8,
    contents: &'a [u8],
    whole: &'a [u8],
}

/// Reads values of DER one after the other.
struct Der<'a>(&'a [u8]);

impl Certificate {
    /// The first certificate of a PEM file.
    pub(super) fn from_pem(file: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(file).ok()?;
        let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
        let (encoded, _) = rest.split_once("-----END CERTIFICATE-----")?;
        let encoded: String = encoded.split_ascii_whitespace().collect();
        Self::from_der(&STANDARD.decode(encoded).ok()?)
    }

    /// A certificate by itself.
    pub(super) fn from_der(bytes: &[u8]) -> Option<Self> {
        let mut outer = Der(Der(bytes).read(SEQUENCE)?.contents);
        let signed = outer.read(SEQUENCE)?;
        let algorithm = pkcs1_algorithm(outer.read(SEQUENCE)?)?;
        let signature = bits(outer.read(BIT_STRING)?)?;
        let mut fields = Der(signed.contents);
        fields.read_if(VERSION);
        fields.next()?; // serial number
        fields.read(SEQUENCE)?; // the algorithm again
        let issuer = fields.read(SEQUENCE)?;
        let mut validity = Der(fields.read(SEQUENCE)?.contents);
        let validity = (seconds(validity.next()?)?, seconds(validity.next()?)?);
        let subject = fields.read(SEQUENCE)?;
        let mut key = Der(fields.read(SEQUENCE)?.contents);
        pkcs1_algorithm(key.read(SEQUENCE)?).filter(|algorithm| *algorithm == 1)?;
        Some(Self {
            signed: signed.whole.to_vec(),
            algorithm,
            signature: signature.to_vec(),
            issuer: issuer.whole.to_vec(),
            subject: subject.whole.to_vec(),
            validity,
            key: bits(key.read(BIT_STRING)?)?.to_vec(),
        })
    }

    /// Whether the other was issued by this one, and both are good now.
    pub(super) fn vouches_for(&self, other: &Self) -> bool {
        let Some(parameters) = parameters(other.algorithm) else { return false };
        let signed = UnparsedPublicKey::new(parameters, &self.key).verify(&other.signed, &other.signature).is_ok();
        signed && other.issuer == self.subject && self.is_good_now() && other.is_good_now()
    }

    /// Whether the message was signed with the key of this one, by way of SHA-256.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key).verify(message, signature).is_ok()
    }

    fn is_good_now(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        i64::try_from(now).is_ok_and(|now| (self.validity.0..=self.validity.1).contains(&now))
    }
}

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<Value<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
                (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (contents, after) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - after.len())?;
        self.0 = after;
        Some(Value { tag, contents, whole })
    }

    fn read(&mut self, tag: u8) -> Option<Value<'a>> {
        self.next().filter(|value| value.tag == tag)
    }

    fn read_if(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.next();
        }
    }
}

/// The last arc of an algorithm of PKCS #1.
fn pkcs1_algorithm(value: Value<'_>) -> Option<u8> {
    match Der(value.contents).read(OBJECT_ID)?.contents.strip_prefix(&PKCS1)? {
        [arc] => Some(*arc),
        _ => None,
    }
}

fn parameters(algorithm: u8) -> Option<&'static RsaParameters> {
    match algorithm {
        11 => Some(&RSA_PKCS1_2048_8192_SHA256),
        12 => Some(&RSA_PKCS1_2048_8192_SHA384),
        13 => Some(&RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

/// The bytes of a string of whole bytes.
fn bits(value: Value<'_>) -> Option<&[u8]> {
    value.contents.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bytes)| bytes)
}

/// A time, in seconds since the Unix epoch.
fn seconds(value: Value<'_>) -> Option<i64> {
    let text = std::str::from_utf8(value.contents).ok()?.strip_suffix('Z')?;
    let (year, rest) = match value.tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let parts: Option<Vec<&str>> = (0..5).map(|place| rest.get(place * 2..place * 2 + 2)).collect();
    let [month, day, hour, minute, second] = parts?.try_into().ok()?;
    let iso = format!("{year:04}-{month}-{day}T{hour}:{minute}:{second}.000Z");
    parsefleet_core::Date::parse(&iso).map(|date| date.0.div_euclid(1000))
}
