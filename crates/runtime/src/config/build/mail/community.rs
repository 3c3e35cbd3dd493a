//! Adapters that Parse apps are configured with: their options, in our terms.

use secrecy::SecretString;
use serde_json::Map;

use super::{Adapter, members::Members, own};
use crate::config::{MailProvider, MailTemplate, MailText, Smtp, SmtpSecurity};

/// The adapter, if this module is known; nothing within, if its options are wrong.
pub(super) fn adapter(module: &str, options: &mut Members<'_>) -> Option<Option<Adapter>> {
    Some(match module {
        "parse-server-simple-mailgun-adapter" | "@parse/simple-mailgun-adapter" => simple_mailgun(options),
        "parse-server-mailgun-adapter-template" => mailgun_with_bodies(options),
        "parse-server-mailgun" => mailgun_with_files(options),
        "parse-server-api-mail-adapter" => api_mail(options),
        "parse-smtp-template" => smtp_template(options),
        "@openinc/parse-server-smtp-adapter" => openinc(options),
        "simple-parse-smtp-adapter" => simple_smtp(options),
        "parse-server-amazon-ses-adapter" => amazon_ses(options, "from"),
        "parse-server-amazon-ses-email-adapter" => amazon_ses(options, "fromAddress"),
        "parse-server-simple-ses-adapter" => simple_ses(options),
        "parse-server-sendgrid-adapter" => simple(options, own::sendgrid, "fromAddress"),
        "parse-server-sendgrid-email-adapter" => sendgrid_templates(options),
        "parse-server-postmark-adapter" => with_merge_tags(options, own::postmark, "fromAddress"),
        "parse-server-mandrill-adapter" => with_merge_tags(options, own::mandrill, "fromEmail"),
        _ => return None,
    })
}

type Provider = fn(&mut Members<'_>) -> Option<MailProvider>;

fn simple(options: &mut Members<'_>, provider: Provider, from: &'static str) -> Option<Adapter> {
    let provider = provider(options);
    let from = options.sender(&[from]);
    Some(Adapter::new(provider?, from?))
}

/// Named in the README of Parse Server 2.3.9. Its older versions had texts, too.
fn simple_mailgun(options: &mut Members<'_>) -> Option<Adapter> {
    let required = ["apiKey", "domain", "fromAddress"].map(|name| options.text(name));
    if required.contains(&None) {
        options.sentence("SimpleMailgunAdapter requires an API Key, domain, and fromAddress.");
        return None;
    }
    mailgun_with_bodies(options)
}

fn mailgun_with_bodies(options: &mut Members<'_>) -> Option<Adapter> {
    let mut adapter = simple(options, own::mailgun, "fromAddress");
    let verification = bodies(options, "verification", ("%", "%"));
    let password_reset = bodies(options, "passwordReset", ("%", "%"));
    if let Some(adapter) = &mut adapter {
        (adapter.verification, adapter.password_reset) = (verification, password_reset);
    }
    adapter
}

fn mailgun_with_files(options: &mut Members<'_>) -> Option<Adapter> {
    let adapter = simple(options, own::mailgun, "fromAddress");
    with_templates(adapter, options)
}

fn with_templates(mut adapter: Option<Adapter>, options: &mut Members<'_>) -> Option<Adapter> {
    let Some(mut templates) = options.object("templates") else { return adapter };
    let verification = own::template(&mut templates, "verificationEmail");
    let password_reset = own::template(&mut templates, "passwordResetEmail");
    options.merge(templates);
    if let Some(adapter) = &mut adapter {
        (adapter.verification, adapter.password_reset) = (verification, password_reset);
    }
    adapter
}

/// The official adapter leaves sending to a function; `provider` names one of our senders in its place.
fn api_mail(options: &mut Members<'_>) -> Option<Adapter> {
    const INSTEAD: &str = "name a sender in its place: \"provider\": {\"module\": \"smtp\", \"options\": {…}}";
    options.no_function("apiCallback", INSTEAD);
    let from = options.sender(&["sender"]);
    let reply_to = options.address("replyTo");
    let locale_field = options.text("localeField");
    let Some(mut provider) = options.object("provider") else {
        options.sentence(&format!("emailAdapter.options: apiCallback cannot be configured; {INSTEAD}"));
        return with_templates(None, options);
    };
    let module = provider.required("module").unwrap_or_default();
    let mut inner = provider.object("options");
    let sends = inner.as_mut().and_then(|inner| own::provider(&module, inner)).flatten();
    if sends.is_none() {
        provider.problem("module", "must be smtp, mailgun, sendgrid, postmark, ses or mandrill, with its options");
    }
    if let Some(inner) = inner {
        provider.merge(inner);
    }
    options.merge(provider);
    let mut adapter = sends.zip(from).map(|(sends, from)| Adapter::new(sends, from));
    if let Some(adapter) = &mut adapter {
        (adapter.reply_to, adapter.locale_field) = (reply_to, locale_field);
    }
    with_templates(adapter, options)
}

fn smtp_template(options: &mut Members<'_>) -> Option<Adapter> {
    let adapter = simple(options, own::smtp, "fromAddress");
    let elsewhere =
        "is a template of another kind (${…}); write it as Mustache, into the folder PARSEFLEET_MAIL_TEMPLATES";
    options.refuse(&["template", "templatePath", "multiTemplate"], elsewhere);
    options.refuse(&["confirmTemplatePath", "passwordTemplatePath", "confirmOptions", "passwordOptions"], elsewhere);
    let by_folder = "is done by folders here: PARSEFLEET_MAIL_TEMPLATES/<language>";
    options.refuse(&["multiLang", "multiLangPass", "multiLangConfirm"], by_folder);
    let locale_field = options.text("multiLangColumn");
    adapter.map(|adapter| Adapter { locale_field, ..adapter })
}

/// Its files have the names that ours have, and `{{ }}`; what else nunjucks can do is refused when they are read.
fn openinc(options: &mut Members<'_>) -> Option<Adapter> {
    let adapter = simple(options, own::smtp, "from");
    if options.text("emailAttribute").is_some_and(|field| field != "email") {
        options.problem("emailAttribute", "cannot be another field than email: only that one is verified");
    }
    let folder = options.text("templateDir").map(std::path::PathBuf::from);
    let file = |name: &str| folder.as_ref().map(|folder| MailText::File(folder.join(name)));
    let locale_field = options.text("languageAttribute").or_else(|| Some("language".to_owned()));
    let mut template = |subject: &str, name: &str| MailTemplate {
        subject: options.template(subject),
        text: file(&format!("{name}.txt")),
        html: file(&format!("{name}.html")),
        placeholders: Map::new(),
        at_provider: None,
    };
    let verification = template("subjectVerificationEmail", "verificationEmail");
    let password_reset = template("subjectPasswordResetEmail", "passwordResetEmail");
    adapter.map(|adapter| Adapter { locale_field, verification, password_reset, ..adapter })
}

fn simple_smtp(options: &mut Members<'_>) -> Option<Adapter> {
    let (host, port) = (options.required("host"), options.port("port"));
    let is_tls = options.switch("isSSL").unwrap_or(port == Some(465));
    let credentials = options.required("user").zip(options.secret("password"));
    let hello_name = options.text("name");
    let from = options.sender(&["fromAddress", "user"]);
    options.refuse(&["templates"], "is Pug and Less; write it as Mustache, into the folder PARSEFLEET_MAIL_TEMPLATES");
    options.refuse(&["emailField"], "cannot be another field than email: only that one is verified");
    let oauth = "is OAuth, which Parsefleet does not do; make a password for apps";
    options.refuse(&["service", "clientId", "clientSecret", "refreshToken", "accessToken"], oauth);
    let provider = MailProvider::Smtp(Smtp {
        host: host?,
        port: port.unwrap_or(if is_tls { 465 } else { 587 }),
        security: if is_tls { SmtpSecurity::Tls } else { SmtpSecurity::Opportunistic },
        credentials,
        ca_file: None,
        hello_name,
    });
    Some(Adapter::new(provider, from?))
}

fn amazon_ses(options: &mut Members<'_>, from: &'static str) -> Option<Adapter> {
    let adapter = simple(options, own::ses, from);
    with_templates(adapter, options)
}

fn simple_ses(options: &mut Members<'_>) -> Option<Adapter> {
    const DEFAULT: &str = "https://email.us-east-1.amazonaws.com";
    let access_key_id = options.required("apiKey");
    let secret_access_key: Option<SecretString> = options.secret("apiSecret");
    let from = options.sender(&["fromAddress"]);
    // The domain of the sender; the mail is sent in both formats.
    options.required("domain");
    options.text("format");
    let endpoint = options.url("amazon").unwrap_or_else(|| DEFAULT.to_owned());
    let host = endpoint.split("://").nth(1).unwrap_or_default();
    let region = host.split('.').nth(1).filter(|_| host.ends_with(".amazonaws.com")).unwrap_or("us-east-1").to_owned();
    let provider = MailProvider::Ses {
        endpoint,
        region,
        access_key_id: access_key_id?,
        secret_access_key: secret_access_key?,
        configuration_set: None,
    };
    Some(Adapter::new(provider, from?))
}

/// SendGrid writes these mails itself, from `{link, appName, email}`.
fn sendgrid_templates(options: &mut Members<'_>) -> Option<Adapter> {
    let adapter = simple(options, own::sendgrid, "from");
    let mut template = |name| MailTemplate { at_provider: options.required(name), ..MailTemplate::default() };
    let password_reset = template("passwordResetEmailTemplate");
    let verification = template("verificationEmailTemplate");
    adapter.map(|adapter| Adapter { verification, password_reset, ..adapter })
}

fn with_merge_tags(options: &mut Members<'_>, provider: Provider, from: &'static str) -> Option<Adapter> {
    let provider = provider(options);
    let from = options.sender(&[from, "fromAddress"]);
    let display_name = options.text("displayName");
    let reply_to = options.address("replyTo");
    let verification = bodies(options, "verification", ("*|", "|*"));
    let password_reset = bodies(options, "passwordReset", ("*|", "|*"));
    let stored =
        "names a template that the provider keeps; write it as Mustache, into the folder PARSEFLEET_MAIL_TEMPLATES";
    for kind in ["verification", "passwordReset"] {
        options.refuse(&[&format!("{kind}TemplateName"), &format!("{kind}TemplateId")], stored);
    }
    let by_name = "is not needed: Mustache templates have all fields of the user as {{user.field}}";
    options.refuse(&["customUserAttributesMergeTags"], by_name);
    let from = from.map(|from| match display_name {
        Some(name) if !from.contains('<') && !name.contains(['<', '>', '"']) => format!("{name} <{from}>"),
        _ => from,
    });
    let adapter = Adapter::new(provider?, from?);
    Some(Adapter { reply_to, verification, password_reset, ..adapter })
}

/// `verificationSubject`, `verificationBody` and the like, with their own placeholders.
fn bodies(options: &mut Members<'_>, kind: &str, marks: (&str, &str)) -> MailTemplate {
    let mut part = |suffix: &str| {
        let text = options.text(&format!("{kind}{suffix}"))?;
        Some(MailText::Inline(to_mustache(&text, marks)))
    };
    MailTemplate {
        subject: part("Subject"),
        text: part("Body"),
        html: part("BodyHTML"),
        placeholders: Map::new(),
        at_provider: None,
    }
}

/// The template in Mustache. What was no placeholder there is none here.
fn to_mustache(text: &str, (open, close): (&str, &str)) -> String {
    let mut template = text.replace("{{", "{{=<% %>=}}{{<%={{ }}=%>");
    for (given, ours) in [("username", "username"), ("email", "email"), ("appname", "appName"), ("link", "link")] {
        template = template.replace(&format!("{open}{given}{close}"), &format!("{{{{{ours}}}}}"));
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_mustache_and_braces_stay_braces() {
        let template = to_mustache("Hi %username%, 100% of %appname%: %link% {{x}}", ("%", "%"));
        assert_eq!(template, "Hi {{username}}, 100% of {{appName}}: {{link}} {{=<% %>=}}{{<%={{ }}=%>x}}");
        assert_eq!(to_mustache("*|email|*", ("*|", "|*")), "{{email}}");
    }
}
