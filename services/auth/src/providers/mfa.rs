//! `mfa`: a second factor. Codes of an authenticator app ([`totp`]) or in short messages ([`sms`]).

mod sms;
mod totp;

use async_trait::async_trait;
use aws_lc_rs::constant_time;
use parsefleet_core::error::Result;
use parsefleet_runtime::config::providers::{Mfa as Options, Policy};
use rand::{RngExt as _, distr::Alphanumeric};
use serde_json::{Value as Json, json};

use self::{sms::Sms, totp::Totp};
use super::{Keep, Occasion, Provider, Slice, Stage, Verdict, failed, http::Http, text};

/// Shortest secret of an authenticator app, in characters of base 32.
const SHORTEST_SECRET: usize = 20;
/// Length of each of the two recovery codes.
const RECOVERY_LENGTH: usize = 30;
/// Where the step of the last code is kept, if each code works once.
const LAST_STEP: &str = "lastStep";

/// A second factor.
pub(super) struct Mfa {
    totp: Option<Totp>,
    single_use: bool,
    sms: Option<Sms>,
}

impl Mfa {
    pub(super) fn new(options: &Options, http: &Http) -> Self {
        let totp = Totp { algorithm: options.algorithm, digits: options.digits, period: options.period };
        let sms = options.sms.as_ref().map(|hook| Sms::new(hook, options.digits, options.period, http));
        Self { totp: options.totp.then_some(totp), single_use: options.single_use, sms }
    }

    async fn set_up(&self, slice: &Slice) -> Result<Verdict> {
        match (&self.sms, slice.get("mobile").filter(|mobile| is_given(mobile))) {
            (Some(sms), Some(mobile)) => Ok(other(sms.begin(mobile.as_str().unwrap_or_default()).await?)),
            _ => self.set_up_totp(slice),
        }
    }

    fn set_up_totp(&self, slice: &Slice) -> Result<Verdict> {
        let invalid = || failed("Invalid MFA data");
        let totp = self.totp.as_ref().ok_or_else(invalid)?;
        let secret = text(slice, "secret").filter(|secret| secret.len() >= SHORTEST_SECRET).ok_or_else(invalid)?;
        let token = slice.get("token").filter(|token| is_given(token)).ok_or_else(invalid)?;
        let key = totp::decode(secret).ok_or_else(invalid)?;
        let step = token.as_str().and_then(|token| totp.matched_step(&key, token, totp::now()));
        let step = step.ok_or_else(|| failed("Invalid MFA token"))?;
        let recovery = [recovery_code(), recovery_code()];
        let mut stored = Slice::new();
        stored.insert("secret".to_owned(), secret.into());
        stored.insert("recovery".to_owned(), json!(recovery));
        if self.single_use {
            stored.insert(LAST_STEP.to_owned(), step.into());
        }
        let response = json!({ "recovery": recovery.join(", ") });
        Ok(Verdict::Proved { response: Some(response), keep: Keep::Other(stored) })
    }

    async fn log_in(&self, token: Option<&Json>, stored: &Slice) -> Result<Verdict> {
        if let (Some(sms), Some(mobile)) = (&self.sms, text(stored, "mobile")) {
            return sms.log_in(token, stored, mobile).await;
        }
        let Some(totp) = &self.totp else { return Ok(kept()) };
        let invalid = || failed("Invalid MFA token");
        let token = token.and_then(Json::as_str).ok_or_else(invalid)?;
        let Some(secret) = text(stored, "secret") else { return Ok(kept()) };
        if let Some(left) = without_recovery_code(stored, token) {
            return Ok(other(left));
        }
        let key = totp::decode(secret).ok_or_else(invalid)?;
        let step = totp.matched_step(&key, token, totp::now()).ok_or_else(invalid)?;
        if !self.single_use {
            return Ok(kept());
        }
        if stored.get(LAST_STEP).and_then(Json::as_u64).is_some_and(|last| step <= last) {
            return Err(invalid());
        }
        let mut used = stored.clone();
        used.insert(LAST_STEP.to_owned(), step.into());
        Ok(other(used))
    }

    async fn update(&self, slice: &Slice, stored: &Slice) -> Result<Verdict> {
        if let (Some(_), Some(mobile)) = (&self.sms, slice.get("mobile").filter(|mobile| is_given(mobile))) {
            let token = slice.get("token").filter(|token| is_given(token));
            let token = token.ok_or_else(|| failed("MFA is already set up on this account"))?;
            return sms::confirm(mobile.as_str().unwrap_or_default(), token, stored).map(other);
        }
        if self.totp.is_none() {
            return Err(failed("Invalid MFA data"));
        }
        match self.log_in(slice.get("old"), stored).await? {
            pending @ Verdict::Pending(..) => Ok(pending),
            Verdict::Proved { .. } => self.set_up(slice).await,
        }
    }
}

#[async_trait]
impl Provider for Mfa {
    async fn validate(&self, slice: &mut Slice, occasion: &Occasion<'_>) -> Result<Verdict> {
        match (occasion.stage, occasion.stored) {
            (Stage::Update, Some(_)) if occasion.master => Ok(Verdict::GOOD),
            (Stage::Update, Some(stored)) => self.update(slice, stored).await,
            (Stage::LogIn, Some(stored)) => self.log_in(slice.get("token"), stored).await,
            (Stage::SetUp | Stage::LogIn | Stage::Update, _) => self.set_up(slice).await,
        }
    }

    /// A number that is not confirmed yet asks for nothing.
    fn policy(&self, stored: &Slice) -> Policy {
        let pending = stored.len() == 1 && stored.contains_key("pending");
        if self.sms.is_some() && pending { Policy::Default } else { Policy::Additional }
    }
}

/// What is stored, less the recovery code that was used; `None` if it is none.
fn without_recovery_code(stored: &Slice, token: &str) -> Option<Slice> {
    let codes = stored.get("recovery")?.as_array()?;
    let used = codes.iter().position(|code| code.as_str().is_some_and(|code| same(code, token)))?;
    let left: Vec<&Json> = codes.iter().enumerate().filter(|(place, _)| *place != used).map(|(_, code)| code).collect();
    let mut stored = stored.clone();
    stored.insert("recovery".to_owned(), json!(left));
    Some(stored)
}

fn recovery_code() -> String {
    rand::rng().sample_iter(Alphanumeric).take(RECOVERY_LENGTH).map(char::from).collect()
}

/// Compares two codes without telling by the time it takes where they differ.
fn same(one: &str, other: &str) -> bool {
    constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

/// What JavaScript takes as there.
fn is_given(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::String(text) => !text.is_empty(),
        Json::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    }
}

fn other(stored: Slice) -> Verdict {
    Verdict::Proved { response: None, keep: Keep::Other(stored) }
}

fn kept() -> Verdict {
    Verdict::Proved { response: None, keep: Keep::Stored }
}
