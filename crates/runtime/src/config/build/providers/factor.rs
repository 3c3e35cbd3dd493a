//! `auth.mfa`.

use serde_json::Value as Json;

use super::reader::Reader;
use crate::config::{
    providers::{Mfa, OtpAlgorithm, SmsHook},
    value::is_web,
};

/// `auth.mfa`; the texts are Parse Server's where it has one.
pub(super) fn read(reader: &Reader<'_>) -> Option<Mfa> {
    let (totp, sms) = methods(reader);
    let hook = hook(reader);
    if sms && hook.is_none() {
        reader.problem(
            "mfa.sendSMS callback must be defined when using SMS OTPs: a JavaScript callback needs Cloud Code, which is not there yet; \
             set auth.mfa.smsUrl to be sent {\"to\", \"token\"} instead",
        );
    }
    let digits = number(reader, "digits", 6);
    if !(4..=10).contains(&digits) {
        reader.problem("mfa.digits must be between 4 and 10");
    }
    let period = number(reader, "period", 30);
    if period < 10 {
        reader.problem("mfa.period must be greater than 10");
    }
    Some(Mfa {
        totp,
        sms: hook.filter(|_| sms),
        digits: u32::try_from(digits).ok()?,
        period,
        algorithm: algorithm(reader)?,
        single_use: reader.flag("singleUse"),
    })
}

/// Whether time-based codes, and whether short messages are asked for.
fn methods(reader: &Reader<'_>) -> (bool, bool) {
    let Some(Json::Array(methods)) = reader.value("options") else {
        reader.problem("mfa.options must be an array");
        return (false, false);
    };
    let holds = |name: &str| methods.iter().any(|method| method.as_str() == Some(name));
    let (totp, sms) = (holds("TOTP"), holds("SMS"));
    if !totp && !sms {
        reader.problem("mfa.options must include SMS or TOTP");
    }
    (totp, sms)
}

fn hook(reader: &Reader<'_>) -> Option<SmsHook> {
    let authorization = reader.secret("smsAuthorization");
    let url = reader.text("smsUrl")?;
    if !is_web(&url) {
        reader.wrong("smsUrl", "must be a URL.");
    }
    Some(SmsHook { url, authorization })
}

fn number(reader: &Reader<'_>, name: &'static str, default: u64) -> u64 {
    match reader.value(name) {
        None => default,
        Some(value) => value.as_u64().unwrap_or_else(|| {
            reader.problem(format!("mfa.{name} must be a number"));
            default
        }),
    }
}

fn algorithm(reader: &Reader<'_>) -> Option<OtpAlgorithm> {
    let Some(name) = reader.text("algorithm") else { return Some(OtpAlgorithm::Sha1) };
    let plain: String = name.chars().filter(|char| *char != '-').collect::<String>().to_ascii_uppercase();
    Some(match plain.as_str() {
        "SHA1" => OtpAlgorithm::Sha1,
        "SHA224" => OtpAlgorithm::Sha224,
        "SHA256" => OtpAlgorithm::Sha256,
        "SHA384" => OtpAlgorithm::Sha384,
        "SHA512" => OtpAlgorithm::Sha512,
        _ => {
            reader.wrong("algorithm", "must be SHA1, SHA224, SHA256, SHA384 or SHA512.");
            return None;
        }
    })
}
