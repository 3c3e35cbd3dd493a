//! A stand-in for auth.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_proto::{
    status_from_error,
    v1::{
        ChallengeRequest, ChallengeResponse, CheckResetTokenRequest, CheckResetTokenResponse, CreateOwnedResponse,
        CreateRequest, CredentialsRequest, DeleteRequest, DeleteResponse, LogInAsRequest, LogOutRequest,
        LogOutResponse, OperationResult, RequestContext, RequestEmailVerificationRequest,
        RequestEmailVerificationResponse, RequestPasswordResetRequest, RequestPasswordResetResponse,
        ResendVerificationEmailRequest, ResendVerificationEmailResponse, ResetPasswordRequest, ResetPasswordResponse,
        ResolveRequest, ResolveResponse, SendEmailRequest, SendEmailResponse, TransactRequest, TransactResponse,
        UpdateRequest, UpdateResponse, UpgradeSessionRequest, UpgradeSessionResponse, UserResponse, VerifyEmailRequest,
        VerifyEmailResponse, auth_server::Auth,
    },
};
use tonic::{Request, Response, Status, async_trait};

use super::Asked;

/// What auth was asked for, beside whose a token is.
#[derive(Clone, Debug)]
pub(crate) enum AuthAsked {
    Create(CreateRequest),
    Update(UpdateRequest),
    Delete(DeleteRequest),
    Transact(TransactRequest),
    LogIn(CredentialsRequest),
    VerifyPassword(CredentialsRequest),
    LogInAs(LogInAsRequest),
    LogOut(LogOutRequest),
    UpgradeSession(UpgradeSessionRequest),
    Challenge(ChallengeRequest),
    RequestPasswordReset(RequestPasswordResetRequest),
    RequestEmailVerification(RequestEmailVerificationRequest),
    SendEmail(SendEmailRequest),
}

/// Knows sessions of the user `user1`: `r:good` and others. Those that begin with `r:slow` are answered late. Whatever else it is asked succeeds; somebody
/// called `old` is there already.
#[derive(Clone, Default)]
pub(crate) struct OneSession {
    pub(crate) calls: Arc<AtomicUsize>,
    /// Whether the session `r:slow ending` has ended.
    pub(crate) ended: Arc<AtomicBool>,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

impl AuthAsked {
    pub(crate) fn context(self) -> Option<RequestContext> {
        match self {
            Self::Create(request) => request.context,
            Self::Update(request) => request.context,
            Self::Delete(request) => request.context,
            Self::Transact(request) => panic!("each operation has its own context: {request:?}"),
            Self::LogIn(request) | Self::VerifyPassword(request) => request.context,
            Self::LogInAs(request) => request.context,
            Self::LogOut(request) => request.context,
            Self::UpgradeSession(request) => request.context,
            Self::Challenge(request) => request.context,
            Self::RequestPasswordReset(request) => request.context,
            Self::RequestEmailVerification(request) => request.context,
            Self::SendEmail(request) => request.context,
        }
    }
}

impl OneSession {
    fn note(&self, asked: AuthAsked) {
        self.asked.lock().unwrap().push(Asked::Auth(asked));
    }
}

fn user() -> Response<UserResponse> {
    Response::new(UserResponse { body: Bytes::from_static(br#"{"objectId":"user1"}"#) })
}

#[async_trait]
impl Auth for OneSession {
    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let token = request.into_inner().session_token;
        if token.starts_with("r:slow") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        match &*token {
            "r:good" | "r:other" | "r:over" | "r:slow" => {}
            "r:slow ending" if !self.ended.load(Ordering::SeqCst) => {}
            _ => {
                let error = ParseError::new(ErrorCode::InvalidSessionToken, "Invalid session token");
                return Err(status_from_error(&error));
            }
        }
        let roles = vec!["Admins".to_owned()];
        Ok(Response::new(ResolveResponse {
            user_id: "user1".to_owned(),
            roles,
            expires_at: (token == "r:over").then_some(1),
            session_id: "session1".to_owned(),
        }))
    }

    async fn create(&self, request: Request<CreateRequest>) -> Result<Response<CreateOwnedResponse>, Status> {
        let request = request.into_inner();
        let existed = request.body == br#"{"username":"old"}"#[..];
        self.note(AuthAsked::Create(request));
        let body = Bytes::from_static(br#"{"objectId":"created001"}"#);
        Ok(Response::new(CreateOwnedResponse { object_id: "created001".to_owned(), body, existed }))
    }

    async fn update(&self, request: Request<UpdateRequest>) -> Result<Response<UpdateResponse>, Status> {
        self.note(AuthAsked::Update(request.into_inner()));
        Ok(Response::new(UpdateResponse { body: Bytes::from_static(br#"{"updatedAt":"now"}"#) }))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        self.note(AuthAsked::Delete(request.into_inner()));
        Ok(Response::new(DeleteResponse {}))
    }

    async fn transact(&self, request: Request<TransactRequest>) -> Result<Response<TransactResponse>, Status> {
        let request = request.into_inner();
        let result = OperationResult { body: Bytes::from_static(br#"{"done":true}"#), ..OperationResult::default() };
        let results = vec![OperationResult { object_id: "created001".to_owned(), ..result }; request.operations.len()];
        self.note(AuthAsked::Transact(request));
        Ok(Response::new(TransactResponse { results }))
    }

    async fn log_in(&self, request: Request<CredentialsRequest>) -> Result<Response<UserResponse>, Status> {
        self.note(AuthAsked::LogIn(request.into_inner()));
        Ok(user())
    }

    async fn verify_password(&self, request: Request<CredentialsRequest>) -> Result<Response<UserResponse>, Status> {
        self.note(AuthAsked::VerifyPassword(request.into_inner()));
        Ok(user())
    }

    async fn log_in_as(&self, request: Request<LogInAsRequest>) -> Result<Response<UserResponse>, Status> {
        self.note(AuthAsked::LogInAs(request.into_inner()));
        Ok(user())
    }

    async fn log_out(&self, request: Request<LogOutRequest>) -> Result<Response<LogOutResponse>, Status> {
        self.note(AuthAsked::LogOut(request.into_inner()));
        Ok(Response::new(LogOutResponse {}))
    }

    async fn upgrade_session(
        &self,
        request: Request<UpgradeSessionRequest>,
    ) -> Result<Response<UpgradeSessionResponse>, Status> {
        self.note(AuthAsked::UpgradeSession(request.into_inner()));
        Ok(Response::new(UpgradeSessionResponse { body: Bytes::from_static(b"{}") }))
    }

    async fn challenge(&self, request: Request<ChallengeRequest>) -> Result<Response<ChallengeResponse>, Status> {
        self.note(AuthAsked::Challenge(request.into_inner()));
        Ok(Response::new(ChallengeResponse { body: Bytes::from_static(b"{}") }))
    }

    async fn request_password_reset(
        &self,
        request: Request<RequestPasswordResetRequest>,
    ) -> Result<Response<RequestPasswordResetResponse>, Status> {
        self.note(AuthAsked::RequestPasswordReset(request.into_inner()));
        Ok(Response::new(RequestPasswordResetResponse {}))
    }

    async fn request_email_verification(
        &self,
        request: Request<RequestEmailVerificationRequest>,
    ) -> Result<Response<RequestEmailVerificationResponse>, Status> {
        self.note(AuthAsked::RequestEmailVerification(request.into_inner()));
        Ok(Response::new(RequestEmailVerificationResponse {}))
    }

    async fn send_email(&self, request: Request<SendEmailRequest>) -> Result<Response<SendEmailResponse>, Status> {
        self.note(AuthAsked::SendEmail(request.into_inner()));
        Ok(Response::new(SendEmailResponse {}))
    }

    async fn verify_email(
        &self,
        request: Request<VerifyEmailRequest>,
    ) -> Result<Response<VerifyEmailResponse>, Status> {
        Ok(Response::new(VerifyEmailResponse { verified: request.into_inner().token == "good" }))
    }

    async fn resend_verification_email(
        &self,
        request: Request<ResendVerificationEmailRequest>,
    ) -> Result<Response<ResendVerificationEmailResponse>, Status> {
        let request = request.into_inner();
        let sent = request.username == "alice" || request.token == "good";
        Ok(Response::new(ResendVerificationEmailResponse { sent }))
    }

    async fn check_reset_token(
        &self,
        request: Request<CheckResetTokenRequest>,
    ) -> Result<Response<CheckResetTokenResponse>, Status> {
        reset_token(&request.into_inner().token)?;
        Ok(Response::new(CheckResetTokenResponse { username: "alice".to_owned() }))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        let request = request.into_inner();
        reset_token(&request.token)?;
        if request.new_password == "weak" {
            let text = "Password <b>does</b> not meet the Password Policy requirements.";
            return Err(status_from_error(&ParseError::new(ErrorCode::ValidationError, text)));
        }
        Ok(Response::new(ResetPasswordResponse {}))
    }
}

/// `good` is a token of a link, `expired` was one, and `away` finds the database away.
fn reset_token(token: &str) -> Result<(), Status> {
    let (code, text) = match token {
        "good" => return Ok(()),
        "expired" => (ErrorCode::OtherCause, "The password reset link has expired"),
        "away" => (ErrorCode::InternalServerError, "Internal server error."),
        _ => (ErrorCode::OtherCause, "Failed to reset password: username / email / token is invalid"),
    };
    Err(status_from_error(&ParseError::new(code, text)))
}
