//! Codes in short messages. An HTTP hook of the operator sends them.

use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use parsefleet_core::{Date, error::Result};
use parsefleet_runtime::config::providers::SmsHook;
use rand::RngExt as _;
use regex::Regex;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::{other, same};
use crate::providers::{
    Slice, Verdict, failed,
    http::{self, Http},
};

/// What a telephone number looks like, loosely.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[+]*[(]{0,1}[0-9]{1,3}[)]{0,1}[-\s\./0-9]*$").expect("the pattern is right (tested)")
});

/// Sends codes.
pub(super) struct Sms {
    url: String,
    authorization: Option<SecretString>,
    digits: u32,
    /// Seconds for which a code works.
    period: u64,
    http: Http,
}

impl Sms {
    pub(super) fn new(hook: &SmsHook, digits: u32, period: u64, http: &Http) -> Self {
        let (url, authorization) = (hook.url.clone(), hook.authorization.clone());
        Self { url, authorization, digits, period, http: http.clone() }
    }

    /// Sends a code to a number that is to be confirmed by it.
    pub(super) async fn begin(&self, mobile: &str) -> Result<Slice> {
        let (token, expiry) = self.send(mobile).await?;
        let mut stored = Slice::new();
        stored.insert("pending".to_owned(), json!({ mobile: { "token": token, "expiry": expiry } }));
        Ok(stored)
    }

    /// Sends a code if the client asks for one, and else checks the one it sends.
    pub(super) async fn log_in(&self, token: Option<&Json>, stored: &Slice, mobile: &str) -> Result<Verdict> {
        let token = token.and_then(Json::as_str);
        let mut changed = stored.clone();
        if token == Some("request") {
            let (token, expiry) = self.send(mobile).await?;
            changed.insert("token".to_owned(), token.into());
            changed.insert("expiry".to_owned(), expiry);
            return Ok(Verdict::Pending(changed, failed("Please enter the token")));
        }
        let expected = stored.get("token").and_then(Json::as_str).filter(|expected| !expected.is_empty());
        if !expected.zip(token).is_some_and(|(expected, token)| same(expected, token)) {
            return Err(failed("Invalid MFA token 1"));
        }
        if is_over(stored.get("expiry")) {
            return Err(failed("Invalid MFA token 2"));
        }
        changed.remove("token");
        changed.remove("expiry");
        Ok(other(changed))
    }

    async fn send(&self, mobile: &str) -> Result<(String, Json)> {
        if !NUMBER.is_match(mobile) {
            return Err(failed("Invalid mobile number."));
        }
        let token = self.code();
        let mut request =
            self.http.post(&self.url).map(|request| request.json(&json!({ "to": mobile, "token": token })));
        if let Some(authorization) = &self.authorization {
            request = request.map(|request| request.header("authorization", authorization.expose_secret()));
        }
        let sent = http::ask("mfa", request).await.is_ok_and(|answer| answer.status.is_success());
        if !sent {
            return Err(failed("The message could not be sent."));
        }
        let period = i64::try_from(self.period).unwrap_or_default() * 1000;
        let expiry = json!({ "__type": "Date", "iso": Date(now() + period).to_iso() });
        Ok((token, expiry))
    }
}

impl Sms {
    fn code(&self) -> String {
        let mut random = rand::rng();
        (0..self.digits).map(|_| char::from(b'0' + random.random_range(0..10_u8))).collect()
    }
}

/// What is stored once a number is confirmed by the code that was sent to it.
pub(super) fn confirm(mobile: &str, token: &Json, stored: &Slice) -> Result<Slice> {
    let pending = stored.get("pending").and_then(|pending| pending.get(mobile));
    let pending = pending.and_then(Json::as_object).ok_or_else(|| failed("This number is not pending"))?;
    let expected = pending.get("token").and_then(Json::as_str);
    let is_right = expected.zip(token.as_str()).is_some_and(|(expected, token)| same(expected, token));
    if !is_right || is_over(pending.get("expiry")) {
        return Err(failed("Invalid MFA token"));
    }
    let mut confirmed = stored.clone();
    if let Some(Json::Object(pending)) = confirmed.get_mut("pending") {
        pending.remove(mobile);
    }
    confirmed.insert("mobile".to_owned(), mobile.into());
    Ok(confirmed)
}

/// Whether a date has passed. What is no date never lasted.
fn is_over(expiry: Option<&Json>) -> bool {
    let text = expiry.and_then(|expiry| expiry.get("iso").unwrap_or(expiry).as_str());
    text.and_then(Date::parse).is_none_or(|expiry| expiry.0 < now())
}

fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::NUMBER;

    #[test]
    fn numbers_are_told_from_other_texts() {
        for number in ["+15555555555", "(030) 12-34", "0049 30/1234.5", "1"] {
            assert!(NUMBER.is_match(number), "{number}");
        }
        for other in ["", "abc", "+1 555 x", "5;rm", "++"] {
            assert!(!NUMBER.is_match(other), "{other}");
        }
    }
}
