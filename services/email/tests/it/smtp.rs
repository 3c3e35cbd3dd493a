//! Mails over a socket to a server that speaks ESMTP.

use anyhow::Result;
use parsefleet_bus::Verdict;
use parsefleet_testkit::servers::{Encryption, MailServer, MailServerOptions, Refusal, free_port};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{RECIPIENT, SECRET, TOKEN, buried, retried, send};

async fn server(encryption: Encryption, credentials: bool) -> Result<MailServer> {
    let credentials = credentials.then(|| ("sender".to_owned(), SECRET.to_owned()));
    MailServer::start(MailServerOptions { encryption, credentials, ..MailServerOptions::default() }).await
}

fn options(server: &MailServer, security: &str) -> Value {
    json!({
        "host": "localhost", "port": server.smtp_port, "security": security,
        "from": "Ännchens App <noreply@example.com>", "replyTo": "help@example.com",
    })
}

/// The same with a name, a password, and the server's certificate in a file.
fn with_secrets(mut options: Value, server: &MailServer, folder: &tempfile::TempDir) -> Result<Value> {
    options["user"] = json!("sender");
    options["password"] = json!(SECRET);
    if let Some(certificate) = &server.certificate {
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, certificate)?;
        options["caFile"] = json!(path);
    }
    Ok(options)
}

#[tokio::test]
async fn a_mail_is_what_it_should_be() -> Result<()> {
    let server = server(Encryption::None, false).await?;
    assert_eq!(send("smtp", options(&server, "none")).await?, Verdict::Done);
    let [mail] = &server.mails()[..] else { panic!("{:?}", server.mails()) };
    assert_eq!((mail.from.as_str(), &mail.to[..]), ("noreply@example.com", &[RECIPIENT.to_owned()][..]));
    let message = mail.message()?;
    for (name, expected) in [
        ("Subject", "Please verify your e-mail for Ännchens App"),
        ("To", RECIPIENT),
        ("Reply-To", "help@example.com"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(message.header(name), Some(expected), "{name}");
    }
    assert!(message.header("From").is_some_and(|from| from.ends_with("<noreply@example.com>")), "{message:?}");
    assert!(message.header("Message-ID").is_some_and(|id| id.ends_with("@example.com>")), "{message:?}");
    assert!(message.header("Date").is_some());
    assert_eq!(message.link(), format!("https://example.com/apps/test/verify_email?token={TOKEN}"));
    assert!(message.html.as_deref().is_some_and(|html| html.contains("lang=\"en\"") && html.contains("Ännchens App")));
    assert!(mail.data.lines().all(|line| line.len() <= 998 && line.is_ascii()), "{}", mail.data);
    Ok(())
}

#[tokio::test]
async fn connections_are_encrypted_and_senders_known() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (encryption, security) in
        [(Encryption::StartTls, "starttls"), (Encryption::Implicit, "tls"), (Encryption::StartTls, "opportunistic")]
    {
        let server = server(encryption, true).await?;
        let options = with_secrets(options(&server, security), &server, &folder)?;
        assert_eq!(send("smtp", options).await?, Verdict::Done, "{security}");
        let [mail] = &server.mails()[..] else { panic!("{security}") };
        assert!(mail.is_encrypted, "{security}");
        assert_eq!(mail.user.as_deref(), Some("sender"), "{security}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_sent_to_whom_cannot_be_trusted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // A certificate that nobody vouches for.
    let untrusted = server(Encryption::StartTls, false).await?;
    let verdict = send("smtp", options(&untrusted, "starttls")).await?;
    assert_eq!(retried(&verdict)?, "no connection: SMTP, the certificate or its encryption");
    // A server that offers no encryption, such as one that somebody else put in between.
    let plain = server(Encryption::None, false).await?;
    let options = with_secrets(options(&plain, "starttls"), &plain, &folder)?;
    assert!(retried(&send("smtp", options).await?)?.starts_with("no connection: SMTP"));
    assert!(untrusted.mails().is_empty() && plain.mails().is_empty());
    Ok(())
}

#[tokio::test]
async fn failures_have_classes() -> Result<()> {
    let server = server(Encryption::None, true).await?;
    let mut options = options(&server, "none");
    options["user"] = json!("sender");
    options["password"] = json!("wrong");
    assert_eq!(retried(&send("smtp", options.clone()).await?)?, "our credentials were refused: SMTP 535");
    options["password"] = json!(SECRET);
    server.refuse(Refusal::Temporary);
    assert_eq!(retried(&send("smtp", options.clone()).await?)?, "not taken now: SMTP 451");
    server.refuse(Refusal::Connections);
    assert_eq!(retried(&send("smtp", options.clone()).await?)?, "not taken now: SMTP 421");
    server.refuse(Refusal::Permanent);
    assert_eq!(buried(&send("smtp", options.clone()).await?)?, "refused for good: SMTP 550");
    server.refuse(Refusal::None);
    assert_eq!(send("smtp", options.clone()).await?, Verdict::Done);
    options["port"] = json!(free_port()?);
    assert_eq!(retried(&send("smtp", options).await?)?, "no connection: SMTP");
    assert_eq!(server.mails().len(), 1);
    Ok(())
}

/// Says these lines to one client, each after the one before was answered; what the client said last, and the connection.
async fn say(listener: TcpListener, lines: &[&str]) -> Result<(String, TcpStream)> {
    let (mut stream, _) = listener.accept().await?;
    let mut heard = vec![0; 64 * 1024];
    let mut length = 0;
    for line in lines {
        stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        length = stream.read(&mut heard).await?;
    }
    Ok((String::from_utf8(heard[..length].to_vec())?, stream))
}

/// In two parts, the end would wait for an acknowledgement of the beginning, and be sent even if the process was killed
/// meanwhile.
#[tokio::test]
async fn a_mail_is_handed_over_in_one_piece() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let options = json!({ "host": "127.0.0.1", "port": port, "security": "none", "from": "noreply@example.com" });
    let server = async {
        let (mail, mut stream) = say(listener, &["220 hello", "250 hello", "250 yes", "250 yes", "354 speak"]).await?;
        stream.write_all(b"250 kept\r\n").await?;
        Ok::<_, anyhow::Error>(mail)
    };
    let (mail, verdict) = tokio::join!(server, send("smtp", options));
    let mail = mail?;
    assert_eq!(verdict?, Verdict::Done);
    assert!(mail.contains("\r\nSubject: ") && mail.ends_with("\r\n.\r\n"), "{mail}");
    Ok(())
}

#[tokio::test]
async fn a_server_of_ascii_gets_nothing_else() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let options = json!({ "host": "127.0.0.1", "port": port, "security": "none", "from": "jürgen@exämple.com" });
    let (last, verdict) = tokio::join!(say(listener, &["220 hello", "250 hello"]), send("smtp", options));
    assert_eq!(buried(&verdict?)?, "refused for good: SMTP, the server takes ASCII only");
    assert_eq!(last?.0, "QUIT\r\n");
    Ok(())
}

#[tokio::test]
async fn a_refusal_counts_although_nothing_follows() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let options = json!({ "host": "127.0.0.1", "port": port, "security": "none", "from": "noreply@example.com" });
    let server = say(listener, &["220 hello", "250 hello", "550 not from you"]);
    let (silent, verdict) = tokio::join!(server, send("smtp", options));
    assert_eq!(buried(&verdict?)?, "refused for good: SMTP 550");
    assert_eq!(silent?.0, "QUIT\r\n");
    Ok(())
}

/// What becomes of a mail whose server says these lines, the last one to whoever leaves.
async fn send_to(security: &str, lines: &[&str]) -> Result<Verdict> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let options = json!({
        "host": "127.0.0.1", "port": port, "security": security, "from": "noreply@example.com",
        "user": "sender", "password": SECRET,
    });
    let (said, verdict) = tokio::join!(say(listener, lines), send("smtp", options));
    said?;
    verdict
}

#[tokio::test]
async fn what_is_said_before_the_mail_is_not_about_it() -> Result<()> {
    for (security, lines, reason) in [
        ("none", &["554 no service here"][..], "no connection: SMTP 554"),
        ("none", &["220 hello", "550 not to you", "221 bye"], "no connection: SMTP 550"),
        ("none", &["521 no mail here"], "no connection: SMTP 521"),
        ("starttls", &["220 hello", "250-hello\r\n250 STARTTLS", "554 no", "221 bye"], "no connection: SMTP 554"),
        ("starttls", &["220 hello", "250-hello\r\n250 STARTTLS", "454 not now", "221 bye"], "not taken now: SMTP 454"),
        ("none", &["220 hello", "250-hello\r\n250 AUTH PLAIN", "550 no"], "our credentials were refused: SMTP 550"),
        ("none", &["220 hello", "250-hello\r\n250 AUTH PLAIN", "454 not now"], "not taken now: SMTP 454"),
        ("none", &["530 not without a name"], "our credentials were refused: SMTP 530"),
    ] {
        assert_eq!(retried(&send_to(security, lines).await?)?, reason);
    }
    Ok(())
}
