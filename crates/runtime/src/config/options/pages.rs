//! Pages that users are led to by mail.

use super::*;

pub(super) const PAGES: &[OptionSpec] = &[
    text("pagesPath", NESTED, "Directory with page files."),
    text("pagesEndpoint", NESTED, "URL segment of the pages router.").default(r#""apps""#),
    boolean("enableLocalization", NESTED, "Serve localized files.").default("false"),
    text("localizationJsonPath", NESTED, "Translations file."),
    text("localizationFallbackLocale", NESTED, "Fallback locale.").default(r#""en""#),
    object("placeholders", NESTED, "Template values.").default("{}"),
    boolean("forceRedirect", NESTED, "Always redirect instead of rendering.").default("false"),
    boolean("encodePageParamHeaders", NESTED, "URI-encode page parameter headers.").default("false"),
    object("customUrls", NESTED, "Replacement URLs per page.").default("{}").members(PAGES_CUSTOM_URLS),
    list("customRoutes", NESTED, "Extra routes.").default("[]").members(PAGES_ROUTE),
];

pub(super) const PAGES_ROUTE: &[OptionSpec] = &[
    text("method", NESTED, "HTTP method.").required(),
    text("path", NESTED, "Path below the pages endpoint.").required(),
    object("handler", NESTED, "What is answered: `file`, and `query` that is put into it.")
        .required()
        .members(PAGES_HANDLER),
];

pub(super) const PAGES_HANDLER: &[OptionSpec] = &[
    text("file", NESTED, "File in the pages directory.").required(),
    object("query", NESTED, "Texts that are put into it."),
];

pub(super) const PAGES_CUSTOM_URLS: &[OptionSpec] = &[
    text("passwordReset", NESTED, "Reset form URL."),
    text("passwordResetSuccess", NESTED, "Reset done URL."),
    text("passwordResetLinkInvalid", NESTED, "Bad reset link URL."),
    text("emailVerificationSuccess", NESTED, "Verified URL."),
    text("emailVerificationLinkInvalid", NESTED, "Bad link URL."),
    text("emailVerificationLinkExpired", NESTED, "Expired link URL."),
    text("emailVerificationSendSuccess", NESTED, "Re-send done URL."),
    text("emailVerificationSendFail", NESTED, "Re-send failed URL."),
];

pub(super) const CUSTOM_PAGES: &[OptionSpec] = &[
    text("choosePassword", NESTED, "Reset form (legacy)."),
    text("passwordResetSuccess", NESTED, "Reset done (legacy)."),
    text("invalidPasswordResetLink", NESTED, "Bad reset link (legacy)."),
    text("verifyEmailSuccess", NESTED, "Verified (legacy)."),
    text("invalidVerificationLink", NESTED, "Bad verification link (legacy)."),
    text("expiredVerificationLink", NESTED, "Expired verification link (legacy)."),
    text("invalidLink", NESTED, "Generic bad link (legacy)."),
    text("linkSendSuccess", NESTED, "Re-send done (legacy)."),
    text("linkSendFail", NESTED, "Re-send failed (legacy)."),
    text("parseFrameURL", NESTED, "Frame that masks user-facing pages (legacy)."),
];
