//! Who asks, and what that allows, as types: a read-only caller cannot become a writer.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_proto::v1::{Privilege as WirePrivilege, RequestContext};

use crate::{
    failure::{Failure, Result},
    session::{Session, Token},
};

/// What a key proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Maintenance,
    Master,
    ReadOnlyMaster,
}

/// What a caller may do.
#[derive(Clone, Debug)]
pub(crate) enum Privilege {
    Public,
    User(Session),
    Maintenance,
    ReadOnlyMaster,
    Master,
}

/// One caller, as found out from a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) privilege: Privilege,
    pub(crate) app_id: Arc<str>,
    /// A session token that decides nothing, but can be asked about: that of a caller with a key, or of an older kind.
    pub(crate) idle_token: Option<Token>,
    /// The installation that writes are made for: `cloud` for a key in a header that came without one.
    pub(crate) installation_id: String,
    /// The installation as it was sent.
    pub(crate) sent_installation_id: String,
    pub(crate) address: Option<IpAddr>,
    /// JSON object for triggers, empty if none was sent.
    pub(crate) cloud_context: Bytes,
    /// JSON object of the headers for triggers.
    pub(crate) headers: Bytes,
    pub(crate) request_id: String,
}

/// A caller that may change objects.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a>(&'a Caller);

/// A caller that may read what only the master key may see.
pub(crate) struct MasterReader(());

impl From<Role> for Privilege {
    fn from(role: Role) -> Self {
        match role {
            Role::Maintenance => Self::Maintenance,
            Role::Master => Self::Master,
            Role::ReadOnlyMaster => Self::ReadOnlyMaster,
        }
    }
}

impl Caller {
    /// The key role behind the privilege.
    pub(crate) fn role(&self) -> Option<Role> {
        match self.privilege {
            Privilege::Public | Privilege::User(_) => None,
            Privilege::Maintenance => Some(Role::Maintenance),
            Privilege::ReadOnlyMaster => Some(Role::ReadOnlyMaster),
            Privilege::Master => Some(Role::Master),
        }
    }

    /// # Errors
    /// 119 for the read-only master key.
    pub(crate) fn writer(&self) -> Result<Writer<'_>, ParseError> {
        match self.privilege {
            Privilege::Public | Privilege::User(_) | Privilege::Maintenance | Privilege::Master => Ok(Writer(self)),
            Privilege::ReadOnlyMaster => Err(ParseError::sanitised(
                ErrorCode::OperationForbidden,
                "Cannot perform a write operation when using readOnlyMasterKey",
            )),
        }
    }

    /// # Errors
    /// `MasterKeyRequired` for everybody without a master key, maintenance included.
    pub(crate) fn master_reader(&self) -> Result<MasterReader> {
        match self.privilege {
            Privilege::Master | Privilege::ReadOnlyMaster => Ok(MasterReader(())),
            Privilege::Public | Privilege::User(_) | Privilege::Maintenance => Err(Failure::MasterKeyRequired),
        }
    }

    /// The session of a logged-in user.
    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.privilege {
            Privilege::User(session) => Some(session),
            Privilege::Public | Privilege::Maintenance | Privilege::ReadOnlyMaster | Privilege::Master => None,
        }
    }

    /// The session token that was presented.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.session().map(|session| &session.token).or(self.idle_token.as_ref())
    }

    /// What the services are told.
    pub(crate) fn request_context(&self) -> RequestContext {
        let privilege = match self.privilege {
            Privilege::Public => WirePrivilege::Public,
            Privilege::User(_) => WirePrivilege::User,
            Privilege::Maintenance => WirePrivilege::Maintenance,
            Privilege::ReadOnlyMaster => WirePrivilege::ReadOnlyMaster,
            Privilege::Master => WirePrivilege::Master,
        };
        let session = self.session();
        RequestContext {
            app_id: self.app_id.to_string(),
            privilege: privilege.into(),
            user_id: session.map(|session| session.user_id.clone()).unwrap_or_default(),
            roles: session.map(|session| session.roles.clone()).unwrap_or_default(),
            installation_id: self.installation_id.clone(),
            request_id: self.request_id.clone(),
            client_ip: self.address.map(|address| address.to_string()).unwrap_or_default(),
            cloud_context: self.cloud_context.clone(),
            headers: self.headers.clone(),
            session_token: session.map(|session| session.token.expose().to_owned()).unwrap_or_default(),
        }
    }
}

impl Caller {
    /// What auth is told of somebody who presents credentials: who it was so far says nothing, and the session that may be opened
    /// is that of the installation that was sent.
    pub(crate) fn context_of_credentials(&self) -> RequestContext {
        let mut context = self.request_context();
        context.installation_id.clone_from(&self.sent_installation_id);
        if self.session().is_some() {
            context.privilege = WirePrivilege::Public.into();
            context.user_id.clear();
            context.roles.clear();
            context.session_token.clear();
        }
        context
    }
}

impl<'a> Writer<'a> {
    pub(crate) fn caller(self) -> &'a Caller {
        self.0
    }
}
