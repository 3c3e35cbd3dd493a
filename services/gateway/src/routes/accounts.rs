//! Ways in and out: logging in and out, checking a password, asking for mails.
//!
//! The gateway finds what was sent, in the body or in the query string; what it is worth is decided by auth.

mod credentials;

use bytes::Bytes;
use parsefleet_proto::v1::{
    ChallengeRequest, CredentialsRequest, LogInAsRequest, LogOutRequest, RequestEmailVerificationRequest,
    RequestPasswordResetRequest, UpgradeSessionRequest,
};

use super::is;
use crate::{
    app::App, body::Members, failure::Result, javascript::Loose, privilege::Caller, render::Reply, session::Token,
    verb::Verb,
};

/// What is asked of auth beside reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountCall {
    LogIn,
    LogInAs,
    LogOut,
    VerifyPassword,
    RequestPasswordReset,
    RequestEmailVerification,
    Challenge,
    UpgradeSession,
}

impl AccountCall {
    /// Every one of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::LogIn,
        Self::LogInAs,
        Self::LogOut,
        Self::VerifyPassword,
        Self::RequestPasswordReset,
        Self::RequestEmailVerification,
        Self::Challenge,
        Self::UpgradeSession,
    ];

    /// The call that a path of one segment means.
    pub(crate) fn find(verb: &Verb, segment: &str) -> Option<Self> {
        let call = Self::ALL.into_iter().find(|call| is(segment, call.name()))?;
        let is_allowed = match verb {
            Verb::Post => true,
            Verb::Get => matches!(call, Self::LogIn | Self::VerifyPassword),
            _ => false,
        };
        is_allowed.then_some(call)
    }

    /// Its segment of the path, as the documentation writes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LogIn => "login",
            Self::LogInAs => "loginAs",
            Self::LogOut => "logout",
            Self::VerifyPassword => "verifyPassword",
            Self::RequestPasswordReset => "requestPasswordReset",
            Self::RequestEmailVerification => "verificationEmailRequest",
            Self::Challenge => "challenge",
            Self::UpgradeSession => "upgradeToRevocableSession",
        }
    }

    /// Whether a path after the mount path is this one, by any method.
    pub(crate) fn is_at(self, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        path.strip_prefix('/').is_some_and(|segment| is(segment, self.name()))
    }
}

pub(super) async fn run(
    app: &App,
    caller: &Caller,
    call: AccountCall,
    query: Option<&str>,
    body: Members,
    mount_url: &str,
) -> Result<Reply> {
    let auth = &app.auth;
    let credentials = || CredentialsRequest {
        context: Some(caller.context_of_credentials()),
        credentials: credentials::sent(query, &body),
        mount_url: mount_url.to_owned(),
    };
    Ok(Reply::ok(match call {
        AccountCall::LogIn => auth.log_in(credentials()).await?,
        AccountCall::VerifyPassword => auth.verify_password(credentials()).await?,
        AccountCall::LogInAs => auth.log_in_as(of_another(caller, query, &body, mount_url)).await?,
        AccountCall::LogOut => log_out(app, caller).await?,
        AccountCall::UpgradeSession => auth.upgrade_session(upgrade(caller)).await?,
        AccountCall::Challenge => {
            let context = Some(caller.request_context());
            auth.challenge(ChallengeRequest { context, body: body.into_bytes() }).await?
        }
        AccountCall::RequestPasswordReset => {
            let context = Some(caller.request_context());
            auth.request_password_reset(RequestPasswordResetRequest { context, body: body.into_bytes() }).await?;
            NOTHING
        }
        AccountCall::RequestEmailVerification => {
            let context = Some(caller.request_context());
            let request = RequestEmailVerificationRequest { context, body: body.into_bytes() };
            auth.request_email_verification(request).await?;
            NOTHING
        }
    }))
}

/// The answer of what has none.
const NOTHING: Bytes = Bytes::from_static(b"{}");

/// `userId` of the body, or else of the query string.
fn of_another(caller: &Caller, query: Option<&str>, body: &Members, mount_url: &str) -> LogInAsRequest {
    let in_body = body.get("userId").filter(|id| Loose::json(id).is_truthy()).map(|id| body.share(id));
    let user_id = in_body.or_else(|| credentials::Query::read(query).json("userId").map(Bytes::from));
    LogInAsRequest {
        context: Some(caller.context_of_credentials()),
        user_id: user_id.unwrap_or_default(),
        mount_url: mount_url.to_owned(),
    }
}

/// Ends the session of the token that was presented, and forgets it here at once: that others hear of it is auth's concern.
async fn log_out(app: &App, caller: &Caller) -> Result<Bytes> {
    let session_token = caller.token().map(Token::expose).unwrap_or_default().to_owned();
    let context = Some(caller.request_context());
    app.auth.log_out(LogOutRequest { context, session_token }).await?;
    Ok(NOTHING)
}

/// With a key, a token says nothing.
fn upgrade(caller: &Caller) -> UpgradeSessionRequest {
    let token = caller.token().filter(|_| caller.role().is_none());
    let session_token = token.map(Token::expose).unwrap_or_default().to_owned();
    UpgradeSessionRequest { context: Some(caller.request_context()), session_token }
}
