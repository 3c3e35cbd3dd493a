//! Users, sessions, log-in and e-mail.

use super::*;

pub(super) const OPTIONS: &[OptionSpec] = &[
    object(
        "auth",
        &["PARSE_SERVER_AUTH_PROVIDERS", "PARSE_SERVER_OAUTH_PROVIDERS"],
        "Third-party identity providers that users log in with: name to options (see providers.md).",
    )
    .secret(),
    list(
        "facebookAppIds",
        &["PARSE_SERVER_FACEBOOK_APP_IDS", "FACEBOOK_APP_ID"],
        "Facebook apps that users log in with, unless auth.facebook.appIds is given (Parse Server 2.3).",
    ),
    boolean("enableAnonymousUsers", &["PARSE_SERVER_ENABLE_ANON_USERS"], "Let users log in anonymously.")
        .default("true"),
    boolean(
        "enableInsecureAuthAdapters",
        &["PARSE_SERVER_ENABLE_INSECURE_AUTH_ADAPTERS"],
        "Let janrainengage and vkontakte be switched on, which do not tell apps apart.",
    )
    .default("false"),
    boolean(
        "allowExpiredAuthDataToken",
        &["PARSE_SERVER_ALLOW_EXPIRED_AUTH_DATA_TOKEN"],
        "Do not verify unchanged third-party credentials again when a user logs in.",
    )
    .default("false")
    .without_effect("credentials are verified at every log-in, as in Parse Server 9.10"),
    boolean(
        "enforcePrivateUsers",
        &["PARSE_SERVER_ENFORCE_PRIVATE_USERS"],
        "Let new users be readable by themselves only.",
    )
    .default("true"),
    integer("sessionLength", &["PARSE_SERVER_SESSION_LENGTH"], "Life of a session in seconds.").default("31536000"),
    boolean("expireInactiveSessions", &["PARSE_SERVER_EXPIRE_INACTIVE_SESSIONS"], "Let sessions expire.")
        .default("true"),
    boolean(
        "extendSessionOnUse",
        &["PARSE_SERVER_EXTEND_SESSION_ON_USE"],
        "Extend a session that is used after half its life.",
    )
    .default("false"),
    boolean(
        "revokeSessionOnPasswordReset",
        &["PARSE_SERVER_REVOKE_SESSION_ON_PASSWORD_RESET"],
        "End the sessions of a user whose password changes.",
    )
    .default("true"),
    object("accountLockout", &["PARSE_SERVER_ACCOUNT_LOCKOUT"], "When wrong passwords lock an account.")
        .members(ACCOUNT_LOCKOUT),
    object("passwordPolicy", &["PARSE_SERVER_PASSWORD_POLICY"], "What passwords have to be like.")
        .members(PASSWORD_POLICY),
    adapter(
        "emailAdapter",
        &["PARSE_SERVER_EMAIL_ADAPTER"],
        "What sends mails: a module and its options (docs/mail.md).",
    )
    .secret(),
    switch_or_webhook(
        "verifyUserEmails",
        &["PARSE_SERVER_VERIFY_USER_EMAILS"],
        "Ask new users to verify their e-mail address.",
    )
    .default("false")
    .secret(),
    switch_or_webhook(
        "preventLoginWithUnverifiedEmail",
        &["PARSE_SERVER_PREVENT_LOGIN_WITH_UNVERIFIED_EMAIL"],
        "Refuse to log in users whose address is not verified.",
    )
    .default("false")
    .secret(),
    boolean(
        "preventSignupWithUnverifiedEmail",
        &["PARSE_SERVER_PREVENT_SIGNUP_WITH_UNVERIFIED_EMAIL"],
        "Do not log in new users before their address is verified.",
    )
    .default("false"),
    switch_or_webhook(
        "sendUserEmailVerification",
        &["PARSE_SERVER_SEND_USER_EMAIL_VERIFICATION"],
        "Send the verification mail by itself.",
    )
    .default("true")
    .secret(),
    integer(
        "emailVerifyTokenValidityDuration",
        &["PARSE_SERVER_EMAIL_VERIFY_TOKEN_VALIDITY_DURATION"],
        "Seconds for which a verification link works.",
    ),
    boolean(
        "emailVerifyTokenReuseIfValid",
        &["PARSE_SERVER_EMAIL_VERIFY_TOKEN_REUSE_IF_VALID"],
        "Send the same verification link again while it works.",
    )
    .default("false"),
    boolean(
        "emailVerifySuccessOnInvalidEmail",
        &["PARSE_SERVER_EMAIL_VERIFY_SUCCESS_ON_INVALID_EMAIL"],
        "Do not tell whether an address is known.",
    )
    .default("true"),
    object("customPages", &["PARSE_SERVER_CUSTOM_PAGES"], "URLs of pages of your own (older form).")
        .default("{}")
        .members(super::pages::CUSTOM_PAGES),
    object("pages", &["PARSE_SERVER_PAGES"], "Pages for password reset and e-mail verification.")
        .default("{}")
        .members(super::pages::PAGES),
];

pub(super) const ACCOUNT_LOCKOUT: &[OptionSpec] = &[
    integer("duration", NESTED, "Lock minutes, >0 and ≤99999."),
    integer("threshold", NESTED, "Failures before lock, 1–999."),
    boolean("unlockOnPasswordReset", NESTED, "Reset unlocks.").default("false"),
];

pub(super) const PASSWORD_POLICY: &[OptionSpec] = &[
    text("validatorPattern", NESTED, "Regex the password must match."),
    text("validatorCallback", NESTED, "Function validator: needs Cloud Code.").needs_cloud_code(),
    text("validationError", NESTED, "Error text on failure."),
    boolean("doNotAllowUsername", NESTED, "Refuse passwords containing the username.").default("false"),
    integer("maxPasswordAge", NESTED, "Days until expiry."),
    integer("maxPasswordHistory", NESTED, "Previous passwords refused, 0–20."),
    integer("resetTokenValidityDuration", NESTED, "Reset link lifetime, seconds."),
    boolean("resetTokenReuseIfValid", NESTED, "Reuse a still-valid token.").default("false"),
    boolean("resetPasswordSuccessOnInvalidEmail", NESTED, "Hide whether the address is known.").default("true"),
];
