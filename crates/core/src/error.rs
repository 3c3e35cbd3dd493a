//! The error a client sees: Parse's numeric code and text.

use std::fmt;

use serde_json::Value as Json;

/// Result of everything that may answer a client with a Parse error.
pub type Result<T, E = ParseError> = std::result::Result<T, E>;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Parse's numeric error codes, as the SDKs know them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum ErrorCode { $($(#[$doc])* $name = $code,)* }

        impl ErrorCode {
            /// The code with this number, if Parse defines one.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

error_codes! {
    /// No code of its own.
    OtherCause = -1,
    /// Something failed that is not the client's fault (HTTP 500).
    InternalServerError = 1,
    /// A service could not be reached, or the caller is sending too much.
    ConnectionFailed = 100,
    /// No such object, or not visible to the caller (HTTP 404).
    ObjectNotFound = 101,
    /// The query cannot be executed as written.
    InvalidQuery = 102,
    /// The class name is not allowed or unknown.
    InvalidClassName = 103,
    /// An object id is missing.
    MissingObjectId = 104,
    /// A field name is not allowed.
    InvalidKeyName = 105,
    /// A pointer is malformed.
    InvalidPointer = 106,
    /// Badly formed JSON, or JSON of the wrong shape.
    InvalidJson = 107,
    /// The feature is not available.
    CommandUnavailable = 108,
    /// An SDK was used before it was set up.
    NotInitialized = 109,
    /// A value does not have the type its field has in the schema.
    IncorrectType = 111,
    /// A push channel's name is not allowed.
    InvalidChannelName = 112,
    /// Push cannot be sent as the app is set up, or as the request asks.
    PushMisconfigured = 115,
    /// The object is too large.
    ObjectTooLarge = 116,
    /// The caller may not do this.
    OperationForbidden = 119,
    /// An SDK's cache does not hold the answer.
    CacheMiss = 120,
    /// A key inside an object value holds `$` or `.`.
    InvalidNestedKey = 121,
    /// A file name is not allowed.
    InvalidFileName = 122,
    /// The ACL cannot be stored.
    InvalidAcl = 123,
    /// The operation took longer than its deadline.
    Timeout = 124,
    /// Not an e-mail address.
    InvalidEmailAddress = 125,
    /// A file came without its type.
    MissingContentType = 126,
    /// A file came without its length.
    MissingContentLength = 127,
    /// A file's length is not what was announced.
    InvalidContentLength = 128,
    /// A file is too large.
    FileTooLarge = 129,
    /// A file or file URL was refused.
    FileSaveError = 130,
    /// An installation cannot be told from others by what was given.
    InvalidInstallationId = 132,
    /// Something that must be given is not there.
    MissingKey = 135,
    /// Something that must not change was to be changed.
    ChangedKey = 136,
    /// A unique field already holds this value.
    DuplicateValue = 137,
    /// A role's name is not allowed.
    InvalidRoleName = 139,
    /// A quota of the app is used up.
    ExceededQuota = 140,
    /// A trigger or function of the app failed.
    ScriptFailed = 141,
    /// A validator refused the value.
    ValidationError = 142,
    /// A hook that cannot be registered, or is not there. (The SDKs call the code that of an invalid image.)
    WebhookError = 143,
    /// A file was used before it was saved.
    UnsavedFile = 151,
    /// A push is to be sent at an impossible time.
    InvalidPushTime = 152,
    /// A file could not be deleted.
    FileDeleteError = 153,
    /// The app sends more requests than it may.
    RequestLimitExceeded = 155,
    /// The request id was seen before.
    DuplicateRequest = 159,
    /// An analytics event's name is not allowed.
    InvalidEventName = 160,
    /// A file without name was to be deleted.
    FileDeleteUnnamed = 161,
    /// A value is not allowed.
    InvalidValue = 162,
    /// A user name is missing.
    UsernameMissing = 200,
    /// A password is missing.
    PasswordMissing = 201,
    /// The user name belongs to another account.
    UsernameTaken = 202,
    /// The e-mail address belongs to another account.
    EmailTaken = 203,
    /// An e-mail address is missing.
    EmailMissing = 204,
    /// No account has the e-mail address, or it is not verified.
    EmailNotFound = 205,
    /// The caller is not the user it takes.
    SessionMissing = 206,
    /// Users are made by signing up.
    MustCreateUserThroughSignup = 207,
    /// The third-party identity belongs to another account.
    AccountAlreadyLinked = 208,
    /// The session token is unknown or expired.
    InvalidSessionToken = 209,
    /// A second factor was refused.
    MfaError = 210,
    /// A second factor has to be given.
    MfaTokenRequired = 211,
    /// A third-party identity has no id.
    LinkedIdMissing = 250,
    /// A third-party session is not valid.
    InvalidLinkedSession = 251,
    /// The way to log in is not supported.
    UnsupportedService = 252,
    /// The schema cannot be changed in this way.
    InvalidSchemaOperation = 255,
    /// Several errors at once, inside SDKs.
    AggregateError = 600,
    /// A file could not be read, inside SDKs.
    FileReadError = 601,
    /// A browser cannot reach the server across domains.
    XDomainRequest = 602,
}

/// Whether the text of an error may be shown to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disclosure {
    /// The text is part of the protocol.
    #[default]
    Public,
    /// The text names what the caller may not know: with `enableSanitizedErrorResponse` clients read "Permission denied".
    Sanitised,
}

/// What the text of an error is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wording {
    /// Words.
    #[default]
    Text,
    /// JSON, which the client reads as it is. The app's own code may say anything.
    Json,
}

/// Whose words the text of an error is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speaker {
    /// This server's.
    #[default]
    Server,
    /// The app's own code's, which has decided against it: asked once more, it would say so again.
    App,
}

/// An error as the client sees it: `{"code": …, "error": …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Parse's code.
    pub code: ErrorCode,
    /// Parse's text.
    pub message: String,
    /// Who may read the text.
    pub disclosure: Disclosure,
    /// What the text is.
    pub wording: Wording,
    /// Who says so. Clients are not told.
    pub speaker: Speaker,
}

impl ParseError {
    /// An error whose text every client may read.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            disclosure: Disclosure::Public,
            wording: Wording::Text,
            speaker: Speaker::Server,
        }
    }

    /// An error whose text is replaced by "Permission denied" unless the app switched that off.
    pub fn sanitised(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { disclosure: Disclosure::Sanitised, ..Self::new(code, message) }
    }

    /// What the app's own code says against it: a text, or any other JSON.
    pub fn said(code: ErrorCode, what: Json) -> Self {
        let said = match what {
            Json::String(text) => Self::new(code, text),
            other => Self { wording: Wording::Json, ..Self::new(code, other.to_string()) },
        };
        Self { speaker: Speaker::App, ..said }
    }

    /// The answer to a read, update or delete of an object that is not there for the caller.
    pub fn object_not_found() -> Self {
        Self::new(ErrorCode::ObjectNotFound, "Object not found.")
    }

    /// The HTTP status that carries this error (Parse: 500 for code 1, 404 for 101, 400 for the rest).
    pub fn http_status(&self) -> u16 {
        match self.code {
            ErrorCode::InternalServerError => 500,
            ErrorCode::ObjectNotFound => 404,
            _ => 400,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (code {})", self.message, self.code as i32)
    }
}

impl std::error::Error for ParseError {}
