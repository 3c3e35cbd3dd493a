//! Calls to auth: who somebody is, and what is written about users, sessions and roles.

mod links;

use std::sync::Arc;

use bytes::Bytes;
use parsefleet_core::ParseError;
use parsefleet_proto::v1::{
    ChallengeRequest, CreateOwnedResponse, CreateRequest, CredentialsRequest, DeleteRequest, LogInAsRequest,
    LogOutRequest, Once, OperationResult, RequestContext, RequestEmailVerificationRequest, RequestPasswordResetRequest,
    ResolveRequest, ResolveResponse, SendEmailRequest, TransactRequest, UpdateRequest, UpgradeSessionRequest,
    auth_client::AuthClient, auth_server::Auth, operation::Operation as Kind,
};
use parsefleet_runtime::rpc::{self, Channel, MESSAGE_LIMIT};
use tonic::{Request, Response};

use super::{only_result, operation_once, parse_error};

/// Calls to auth.
pub(crate) struct AuthBackend {
    client: AuthClient<Channel>,
    /// The service itself, if it is in this process.
    here: Option<Arc<dyn Auth>>,
}

impl AuthBackend {
    pub(crate) fn new(channel: Channel, here: Option<Arc<dyn Auth>>) -> Self {
        let client = AuthClient::new(channel);
        let client = client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT);
        Self { client, here }
    }

    pub(crate) async fn resolve(&self, token: &str, context: RequestContext) -> Result<ResolveResponse, ParseError> {
        let message = ResolveRequest { context: Some(context), session_token: token.to_owned() };
        ask!(self, "/parsefleet.v1.Auth/Resolve", resolve, message)
    }

    // === writes ===

    pub(crate) async fn create(&self, message: CreateRequest) -> Result<CreateOwnedResponse, ParseError> {
        ask!(self, "/parsefleet.v1.Auth/Create", create, message)
    }

    pub(crate) async fn update(&self, message: UpdateRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Auth/Update", update, message)?.body)
    }

    pub(crate) async fn delete(&self, message: DeleteRequest) -> Result<(), ParseError> {
        ask!(self, "/parsefleet.v1.Auth/Delete", delete, message).map(|_| ())
    }

    pub(crate) async fn transact(&self, message: TransactRequest) -> Result<Vec<OperationResult>, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Auth/Transact", transact, message)?.results)
    }

    /// Carries one operation out once, however often it is asked.
    pub(crate) async fn transact_once(&self, kind: Kind, once: Once) -> Result<OperationResult, ParseError> {
        only_result(self.transact(operation_once(kind, once)).await?)
    }

    // === ways in and out ===

    pub(crate) async fn log_in(&self, message: CredentialsRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Auth/LogIn", log_in, message)?.body)
    }

    pub(crate) async fn verify_password(&self, message: CredentialsRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Auth/VerifyPassword", verify_password, message)?.body)
    }

    pub(crate) async fn log_in_as(&self, message: LogInAsRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Auth/LogInAs", log_in_as, message)?.body)
    }

    pub(crate) async fn log_out(&self, message: LogOutRequest) -> Result<(), ParseError> {
        ask!(self, "/parsefleet.v1.Auth/LogOut", log_out, message).map(|_| ())
    }

    pub(crate) async fn upgrade_session(&self, message: UpgradeSessionRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Auth/UpgradeSession", upgrade_session, message)?.body)
    }

    pub(crate) async fn challenge(&self, message: ChallengeRequest) -> Result<Bytes, ParseError> {
        Ok(ask!(self, "/parsefleet.v1.Auth/Challenge", challenge, message)?.body)
    }

    // === mails ===

    pub(crate) async fn request_password_reset(&self, message: RequestPasswordResetRequest) -> Result<(), ParseError> {
        ask!(self, "/parsefleet.v1.Auth/RequestPasswordReset", request_password_reset, message).map(|_| ())
    }

    pub(crate) async fn request_email_verification(
        &self,
        message: RequestEmailVerificationRequest,
    ) -> Result<(), ParseError> {
        ask!(self, "/parsefleet.v1.Auth/RequestEmailVerification", request_email_verification, message).map(|_| ())
    }

    pub(crate) async fn send_email(&self, message: SendEmailRequest) -> Result<(), ParseError> {
        ask!(self, "/parsefleet.v1.Auth/SendEmail", send_email, message).map(|_| ())
    }
}
