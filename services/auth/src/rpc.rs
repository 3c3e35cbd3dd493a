//! The gRPC edge: the only place of this service that knows tonic.

use std::future::Future;

use parsefleet_core::error::Result;
use parsefleet_proto::{
    status_from_error,
    v1::{
        ChallengeRequest, ChallengeResponse, CheckResetTokenRequest, CheckResetTokenResponse, CreateOwnedResponse,
        CreateRequest, CredentialsRequest, DeleteRequest, DeleteResponse, LogInAsRequest, LogOutRequest,
        LogOutResponse, RequestEmailVerificationRequest, RequestEmailVerificationResponse, RequestPasswordResetRequest,
        RequestPasswordResetResponse, ResendVerificationEmailRequest, ResendVerificationEmailResponse,
        ResetPasswordRequest, ResetPasswordResponse, ResolveRequest, ResolveResponse, SendEmailRequest,
        SendEmailResponse, TransactRequest, TransactResponse, UpdateRequest, UpdateResponse, UpgradeSessionRequest,
        UpgradeSessionResponse, UserResponse, VerifyEmailRequest, VerifyEmailResponse,
        auth_server::{Auth, AuthServer},
    },
};
use parsefleet_runtime::rpc::MESSAGE_LIMIT;
use tonic::{Request, Response, Status, async_trait};

use crate::service::AuthService;

impl AuthService {
    /// The service as a gRPC server, for this process or for a port.
    pub fn into_server(self) -> AuthServer<Self> {
        AuthServer::new(self).max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT)
    }
}

#[async_trait]
impl Auth for AuthService {
    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        answer(self.resolve_token(request.into_inner())).await
    }

    async fn create(&self, request: Request<CreateRequest>) -> Result<Response<CreateOwnedResponse>, Status> {
        answer(self.create_object(request.into_inner())).await
    }

    async fn update(&self, request: Request<UpdateRequest>) -> Result<Response<UpdateResponse>, Status> {
        answer(self.update_object(request.into_inner())).await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        answer(self.delete_object(request.into_inner())).await
    }

    async fn transact(&self, request: Request<TransactRequest>) -> Result<Response<TransactResponse>, Status> {
        answer(self.transact_operations(request.into_inner())).await
    }

    async fn log_in(&self, request: Request<CredentialsRequest>) -> Result<Response<UserResponse>, Status> {
        answer(self.log_in_user(request.into_inner())).await
    }

    async fn verify_password(&self, request: Request<CredentialsRequest>) -> Result<Response<UserResponse>, Status> {
        answer(self.check_password(request.into_inner())).await
    }

    async fn log_in_as(&self, request: Request<LogInAsRequest>) -> Result<Response<UserResponse>, Status> {
        answer(self.log_in_as_user(request.into_inner())).await
    }

    async fn log_out(&self, request: Request<LogOutRequest>) -> Result<Response<LogOutResponse>, Status> {
        answer(self.end_session(request.into_inner())).await
    }

    async fn challenge(&self, request: Request<ChallengeRequest>) -> Result<Response<ChallengeResponse>, Status> {
        answer(self.challenge_client(request.into_inner())).await
    }

    async fn upgrade_session(
        &self,
        request: Request<UpgradeSessionRequest>,
    ) -> Result<Response<UpgradeSessionResponse>, Status> {
        answer(self.upgrade_token(request.into_inner())).await
    }

    async fn request_password_reset(
        &self,
        request: Request<RequestPasswordResetRequest>,
    ) -> Result<Response<RequestPasswordResetResponse>, Status> {
        answer(self.request_reset(request.into_inner())).await
    }

    async fn request_email_verification(
        &self,
        request: Request<RequestEmailVerificationRequest>,
    ) -> Result<Response<RequestEmailVerificationResponse>, Status> {
        answer(self.request_verification(request.into_inner())).await
    }

    async fn send_email(&self, request: Request<SendEmailRequest>) -> Result<Response<SendEmailResponse>, Status> {
        answer(self.send_written_mail(request.into_inner())).await
    }

    async fn verify_email(
        &self,
        request: Request<VerifyEmailRequest>,
    ) -> Result<Response<VerifyEmailResponse>, Status> {
        answer(self.verify_address(request.into_inner())).await
    }

    async fn resend_verification_email(
        &self,
        request: Request<ResendVerificationEmailRequest>,
    ) -> Result<Response<ResendVerificationEmailResponse>, Status> {
        answer(self.resend_verification(request.into_inner())).await
    }

    async fn check_reset_token(
        &self,
        request: Request<CheckResetTokenRequest>,
    ) -> Result<Response<CheckResetTokenResponse>, Status> {
        answer(self.check_token(request.into_inner())).await
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        answer(self.reset_by_token(request.into_inner())).await
    }
}

async fn answer<T>(work: impl Future<Output = Result<T>>) -> Result<Response<T>, Status> {
    work.await.map(Response::new).map_err(|error| status_from_error(&error))
}
