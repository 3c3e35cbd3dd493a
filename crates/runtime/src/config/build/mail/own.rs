//! Our own senders: `{"module": "smtp", "options": {…}}`. All of them take `from`, `replyTo`, `localeField` and `templates`.

use secrecy::SecretString;

use super::{Adapter, members::Members};
use crate::config::{MailProvider, MailTemplate, MailText, Smtp, SmtpSecurity};

/// The adapter, if this module is ours; nothing within, if its options are wrong.
pub(super) fn adapter(module: &str, options: &mut Members<'_>) -> Option<Option<Adapter>> {
    let provider = provider(module, options)?;
    let from = options.sender(&["from", "fromAddress", "sender"]);
    Some(provider.zip(from).map(|(provider, from)| with_texts(Adapter::new(provider, from), options)))
}

/// What sends, if this module is ours.
pub(super) fn provider(module: &str, options: &mut Members<'_>) -> Option<Option<MailProvider>> {
    Some(match module {
        "smtp" => smtp(options),
        "mailgun" => mailgun(options),
        "sendgrid" => sendgrid(options),
        "postmark" => postmark(options),
        "ses" => ses(options),
        "mandrill" => mandrill(options),
        _ => return None,
    })
}

fn with_texts(mut adapter: Adapter, options: &mut Members<'_>) -> Adapter {
    adapter.reply_to = options.address("replyTo");
    adapter.locale_field = options.text("localeField");
    if let Some(mut given) = options.object("templates") {
        adapter.verification = template(&mut given, "verificationEmail");
        adapter.password_reset = template(&mut given, "passwordResetEmail");
        options.merge(given);
    }
    adapter
}

/// One kind of mail, each part as a text or as a file.
pub(super) fn template(templates: &mut Members<'_>, name: &str) -> MailTemplate {
    let Some(mut given) = templates.object(name) else { return MailTemplate::default() };
    let template = MailTemplate {
        subject: part(&mut given, "subject", &["subjectPath"]),
        text: part(&mut given, "text", &["textPath", "pathPlainText"]),
        html: part(&mut given, "html", &["htmlPath", "pathHtml"]),
        placeholders: match given.value("placeholders") {
            Some(serde_json::Value::Object(placeholders)) => placeholders.clone(),
            Some(_) => {
                given.problem("placeholders", "must be an object");
                serde_json::Map::new()
            }
            None => serde_json::Map::new(),
        },
        at_provider: given.text("id"),
    };
    for name in ["callback", "placeholderCallback"] {
        given.no_function(name, "fields of the user are there as {{user.field}}, other values as placeholders");
    }
    given.no_function("localeCallback", "name the field of the user that holds the language as options.localeField");
    templates.merge(given);
    template
}

fn part(given: &mut Members<'_>, name: &str, paths: &[&str]) -> Option<MailText> {
    let text = given.template(name);
    let files: Vec<MailText> = paths.iter().filter_map(|path| given.file(path)).collect();
    if usize::from(text.is_some()) + files.len() > 1 {
        given.problem(name, "is given twice, as a text and as a file");
    }
    text.or_else(|| files.into_iter().next())
}

/// `security`, or `secure` as nodemailer has it: TLS from the beginning, or STARTTLS when it is offered.
pub(super) fn smtp(options: &mut Members<'_>) -> Option<MailProvider> {
    let host = options.required("host");
    let port = options.port("port");
    let security = security(options, port);
    let port = port.unwrap_or(match security {
        SmtpSecurity::Tls => 465,
        SmtpSecurity::StartTls | SmtpSecurity::Opportunistic => 587,
        SmtpSecurity::None => 25,
    });
    let mut user = options.text("user");
    let mut password = options.text("password");
    if let Some(mut auth) = options.object("auth") {
        user = auth.required("user");
        password = auth.text_of(&["pass", "password"]);
        options.merge(auth);
    }
    if user.is_some() != password.is_some() {
        options.sentence("emailAdapter.options: a user needs a password, and a password a user");
    }
    let credentials = user.zip(password.map(SecretString::from));
    let ca_file = options.text("caFile").map(Into::into);
    let hello_name = options.text("name");
    Some(MailProvider::Smtp(Smtp { host: host?, port, security, credentials, ca_file, hello_name }))
}

fn security(options: &mut Members<'_>, port: Option<u16>) -> SmtpSecurity {
    let secure = options.switch("secure");
    match (options.text("security").as_deref(), secure) {
        (Some("tls"), _) => SmtpSecurity::Tls,
        (Some("starttls"), _) => SmtpSecurity::StartTls,
        (Some("opportunistic"), _) => SmtpSecurity::Opportunistic,
        (Some("none"), _) => SmtpSecurity::None,
        (Some(_), _) => {
            options.problem("security", "must be one of tls, starttls, opportunistic, none");
            SmtpSecurity::StartTls
        }
        (None, Some(true)) => SmtpSecurity::Tls,
        (None, Some(false)) => SmtpSecurity::Opportunistic,
        (None, None) if port == Some(465) => SmtpSecurity::Tls,
        (None, None) => SmtpSecurity::StartTls,
    }
}

/// `region` is `us` or `eu`; `host` is how other adapters name it.
pub(super) fn mailgun(options: &mut Members<'_>) -> Option<MailProvider> {
    let domain = options.required("domain");
    if domain.as_deref().is_some_and(|domain| !is_host(domain)) {
        options.problem("domain", "must be a domain");
    }
    let api_key = options.secret("apiKey");
    let host = options.text("host");
    let region = region(options, "https://api.mailgun.net", "https://api.eu.mailgun.net");
    let endpoint = options.url("endpoint").or_else(|| host.map(|host| format!("https://{host}")));
    Some(MailProvider::Mailgun { endpoint: endpoint.unwrap_or(region), domain: domain?, api_key: api_key? })
}

pub(super) fn sendgrid(options: &mut Members<'_>) -> Option<MailProvider> {
    let api_key = options.secret("apiKey");
    let region = region(options, "https://api.sendgrid.com", "https://api.eu.sendgrid.com");
    let endpoint = options.url("endpoint").unwrap_or(region);
    Some(MailProvider::SendGrid { endpoint, api_key: api_key? })
}

pub(super) fn postmark(options: &mut Members<'_>) -> Option<MailProvider> {
    let token = options.secret("apiKey");
    let stream = options.text("messageStream").unwrap_or_else(|| "outbound".to_owned());
    let endpoint = options.url("endpoint").unwrap_or_else(|| "https://api.postmarkapp.com".to_owned());
    Some(MailProvider::Postmark { endpoint, token: token?, stream })
}

pub(super) fn ses(options: &mut Members<'_>) -> Option<MailProvider> {
    let access_key_id = options.required("accessKeyId");
    let secret_access_key = options.secret("secretAccessKey");
    let region = options.required("region");
    if region.as_deref().is_some_and(|region| !is_host(region)) {
        options.problem("region", "must be a region, such as eu-west-1");
    }
    let configuration_set = options.text("configurationSet");
    let endpoint = options.url("endpoint");
    let region = region?;
    Some(MailProvider::Ses {
        endpoint: endpoint.unwrap_or_else(|| format!("https://email.{region}.amazonaws.com")),
        region,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        configuration_set,
    })
}

pub(super) fn mandrill(options: &mut Members<'_>) -> Option<MailProvider> {
    let api_key = options.secret("apiKey");
    let endpoint = options.url("endpoint").unwrap_or_else(|| "https://mandrillapp.com".to_owned());
    Some(MailProvider::Mandrill { endpoint, api_key: api_key? })
}

fn region(options: &mut Members<'_>, us: &str, eu: &str) -> String {
    match options.text("region").as_deref() {
        None | Some("us") => us.to_owned(),
        Some("eu") => eu.to_owned(),
        Some(_) => {
            options.problem("region", "must be us or eu");
            us.to_owned()
        }
    }
}

/// Whether this can be a part of a URL as it stands.
fn is_host(text: &str) -> bool {
    text.chars().all(|character| character.is_ascii_alphanumeric() || character == '.' || character == '-')
}
