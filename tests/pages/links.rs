//! What a link is worth: once, for a time, and for whom; and what those are told who ask for one, if the app tells.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use parsefleet_testkit::servers::{MASTER_KEY, WebhookAnswer, WebhookReceiver};
use serde_json::{Value as Json, json};

use crate::site::Site;

/// Simultaneous uses of one link.
const AT_ONCE: usize = 50;

#[tokio::test]
async fn a_link_works_once_however_many_use_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::start(folder.path(), &json!({})).await?;
    let user = User::new(&site, "anna").await?;
    let verify = user.link(0).await?;
    let opened = join_all((0..AT_ONCE).map(|_| site.client.open(&verify))).await;
    assert_eq!(count(opened, "Your address is verified")?, 1);

    let reset = user.ask_for_reset(1).await?;
    let token = token_of(&reset)?;
    let sent = join_all((0..AT_ONCE).map(|number| {
        let form = [("token", token.clone()), ("new_password", format!("password {number}"))];
        site.client.send_form("/apps/test/request_password_reset", form)
    }));
    assert_eq!(count(sent.await, "Your password is changed")?, 1);
    let mut let_in = 0;
    for number in 0..AT_ONCE {
        let_in += usize::from(site.client.log_in("anna", &format!("password {number}")).await? == 200);
    }
    assert_eq!(let_in, 1);
    Ok(())
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_locks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lockout = json!({ "duration": 5, "threshold": 2, "unlockOnPasswordReset": true });
    let site = Site::start(folder.path(), &json!({ "accountLockout": lockout })).await?;
    let user = User::new(&site, "anna").await?;
    let (_, answer) = site.client.post("/login", &json!({ "username": "anna", "password": "first" })).await?;
    let session = answer["sessionToken"].as_str().context("no session")?.to_owned();
    for _ in 0..3 {
        assert_eq!(site.client.log_in("anna", "wrong").await?, 404);
    }
    assert_eq!(site.client.log_in("anna", "first").await?, 404, "locked");
    let updated_at = user.stored().await?["updatedAt"].clone();
    let link = user.ask_for_reset(1).await?;
    assert_eq!(user.stored().await?["updatedAt"], updated_at, "a link is no change of the user");
    let form = [("token", token_of(&link)?), ("new_password", "second".to_owned())];
    assert!(
        site.client.send_form("/apps/test/request_password_reset", form).await?.contains("Your password is changed")
    );
    assert_ne!(user.stored().await?["updatedAt"], updated_at);
    assert_eq!(site.client.log_in("anna", "second").await?, 200, "unlocked");
    let request = site.client.request("GET", "/users/me")?.header("X-Parse-Session-Token", session);
    assert_eq!(site.client.ask(request).await?.status, 400, "the session has ended");
    Ok(())
}

#[tokio::test]
async fn links_end_and_are_sent_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = json!({
        "emailVerifyTokenValidityDuration": 3600, "emailVerifyTokenReuseIfValid": true,
        "passwordPolicy": { "resetTokenValidityDuration": 3600, "resetTokenReuseIfValid": true },
    });
    let site = Site::start(folder.path(), &options).await?;
    let user = User::new(&site, "anna").await?;
    let first = user.link(0).await?;
    assert_eq!(user.ask_for_verification(1).await?, first, "it works, so it is sent again");
    let reset = user.ask_for_reset(2).await?;
    assert_eq!(user.ask_for_reset(3).await?, reset);

    let past = json!({ "__type": "Date", "iso": "2020-01-01T00:00:00.000Z" });
    let ended = json!({ "_email_verify_token_expires_at": past, "_perishable_token_expires_at": past });
    site.client.change(&user.id, &ended).await?;
    assert!(site.client.open(&first).await?.contains("This link does not work"));
    assert!(site.client.open(&reset).await?.contains("This link does not work"));
    // The old link can be exchanged for a new one, by the API and by the page.
    let (status, answer) = site.client.post("/requestPasswordReset", &json!({ "token": token_of(&reset)? })).await?;
    assert_eq!((status, answer), (200, json!({})));
    assert_ne!(user.link(4).await?, reset);
    let form = [("token", token_of(&first)?)];
    site.client.send_form("/apps/test/resend_verification_email", form).await?;
    let second = user.link(5).await?;
    assert!(site.client.open(&second).await?.contains("Your address is verified"));
    Ok(())
}

#[tokio::test]
async fn a_new_address_is_verified_anew() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::start(folder.path(), &json!({})).await?;
    let user = User::new(&site, "anna").await?;
    let first = user.link(0).await?;
    site.client.open(&first).await?;
    let path = format!("/users/{}", user.id);
    let change = async |body: Json| {
        let request = site.client.request("PUT", &path)?.header("X-Parse-Master-Key", MASTER_KEY);
        anyhow::Ok(site.client.ask(request.json(&body)).await?.status)
    };
    assert_eq!(change(json!({ "emailVerified": false, "age": 3 })).await?, 200);
    assert_eq!(change(json!({ "email": "new@example.com", "emailVerified": true })).await?, 200);
    assert_eq!(user.stored().await?["emailVerified"], false, "even for the master key");
    let link = site.link_to("new@example.com", 0).await?;
    assert!(site.client.open(&link).await?.contains("Your address is verified"));
    // A mail knows the user, and nothing that is secret.
    let mails: String = site.mails.mails().into_iter().map(|mail| mail.data).collect();
    assert!(!mails.contains("$2y$") && !mails.contains("_hashed_password"));
    Ok(())
}

#[tokio::test]
async fn whoever_asks_is_told_if_the_app_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = json!({
        "emailVerifySuccessOnInvalidEmail": false, "passwordPolicy": { "resetPasswordSuccessOnInvalidEmail": false },
    });
    let site = Site::start(folder.path(), &options).await?;
    let user = User::new(&site, "anna").await?;
    let link = user.link(0).await?;
    let reset = |body: Json| site.client.post_owned("/requestPasswordReset", body);
    let verification = |body: Json| site.client.post_owned("/verificationEmailRequest", body);
    let error = |code: i32, text: &str| json!({ "code": code, "error": text });
    for (body, status, answer) in [
        (json!({}), 400, error(204, "you must provide an email")),
        (json!({ "email": "" }), 400, error(204, "you must provide an email")),
        (json!({ "email": 5 }), 400, error(125, "you must provide a valid email string")),
        (json!({ "token": 5 }), 400, error(162, "token must be a string")),
        (json!({ "token": "nobody" }), 400, error(125, "you must provide a valid email string")),
        (json!({ "email": "no@example.com" }), 404, error(101, "A user with that email does not exist.")),
        (json!({ "email": "ANNA@example.com" }), 404, error(101, "A user with that email does not exist.")),
        (json!({ "email": "anna" }), 404, error(101, "A user with that email does not exist.")),
        (json!({ "email": "anna@example.com" }), 200, json!({})),
    ] {
        assert_eq!(reset(body.clone()).await?, (status, answer), "{body}");
    }
    for (body, status, answer) in [
        (json!({}), 400, error(204, "you must provide an email")),
        (json!({ "email": ["a"] }), 400, error(125, "you must provide a valid email string")),
        (json!({ "email": "no@example.com" }), 400, error(205, "No user found with email no@example.com")),
        (json!({ "email": "anna@example.com" }), 200, json!({})),
    ] {
        assert_eq!(verification(body.clone()).await?, (status, answer), "{body}");
    }
    assert!(site.client.open(&link).await?.contains("This link does not work"), "a newer one was sent");
    site.client.open(&user.link(2).await?).await?;
    let verified = error(-1, "Email anna@example.com is already verified.");
    assert_eq!(verification(json!({ "email": "anna@example.com" })).await?, (400, verified));
    Ok(())
}

#[tokio::test]
async fn nobody_gets_in_before_the_address_is_verified() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = json!({ "preventLoginWithUnverifiedEmail": true, "preventSignupWithUnverifiedEmail": true });
    let site = Site::start(folder.path(), &options).await?;
    let refused = json!({ "code": 205, "error": "User email is not verified." });
    let anna = json!({ "username": "anna", "password": "first", "email": "anna@example.com" });
    assert_eq!(site.client.post("/users", &anna).await?, (400, refused.clone()));
    let credentials = json!({ "username": "anna", "password": "first" });
    assert_eq!(site.client.post("/login", &credentials).await?, (400, refused));
    let link = site.link_to("anna@example.com", 0).await?;
    assert!(site.client.open(&link).await?.contains("Your address is verified"), "there is such a user");
    assert_eq!(site.client.log_in("anna", "first").await?, 200);
    Ok(())
}

#[tokio::test]
async fn without_a_mail_to_send_there_is_none() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::start(folder.path(), &json!({ "sendUserEmailVerification": false })).await?;
    let user = User::new(&site, "anna").await?;
    assert_eq!(user.stored().await?["emailVerified"], false);
    user.ask_for_reset(0).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(site.mails.mails().len(), 1, "only the one for a new password");
    Ok(())
}

#[tokio::test]
async fn the_app_may_keep_a_mail_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let app = WebhookReceiver::start().await?;
    let decides = |answer: bool| app.answer("send", WebhookAnswer::json(json!({ "success": answer })));
    let options = json!({ "sendUserEmailVerification": format!("{}/send", app.url), "webhookKey": "the app's" });
    let site = Site::start(folder.path(), &options).await?;
    decides(false);
    let user = User::new(&site, "anna").await?;
    assert_eq!(user.stored().await?["emailVerified"], false);
    let calls = app.take_calls();
    let call = calls.first().context("the app was not asked")?;
    assert_eq!((calls.len(), call.key.as_deref()), (1, Some("the app's")));
    assert_eq!(call.body["triggerName"], "sendUserEmailVerification");
    assert_eq!(call.body["object"]["email"], user.address.as_str());
    decides(true);
    let link = user.ask_for_verification(0).await?;
    assert_eq!(app.take_calls().first().map(|call| call.body["resendRequest"].clone()), Some(json!(true)));
    assert!(site.client.open(&link).await?.contains("Your address is verified"));
    assert_eq!(site.mails.mails().len(), 1, "the first one was kept back");
    Ok(())
}

/// Somebody with an address.
struct User<'a> {
    site: &'a Site,
    id: String,
    address: String,
}

impl<'a> User<'a> {
    async fn new(site: &'a Site, name: &str) -> Result<Self> {
        let address = format!("{name}@example.com");
        let id = site.client.sign_up(&json!({ "username": name, "password": "first", "email": address })).await?;
        Ok(Self { site, id, address })
    }

    /// The link in the newest mail, when there are more than so many.
    async fn link(&self, known: usize) -> Result<String> {
        self.site.link_to(&self.address, known).await
    }

    async fn ask_for_reset(&self, known: usize) -> Result<String> {
        self.site.client.post("/requestPasswordReset", &json!({ "email": self.address })).await?;
        self.link(known).await
    }

    async fn ask_for_verification(&self, known: usize) -> Result<String> {
        self.site.client.post("/verificationEmailRequest", &json!({ "email": self.address })).await?;
        self.link(known).await
    }

    async fn stored(&self) -> Result<Json> {
        self.site.client.user(&self.id).await
    }
}

fn token_of(link: &str) -> Result<String> {
    Ok(link.split_once("token=").context("a link without a token")?.1.to_owned())
}

fn count(pages: Vec<Result<String>>, words: &str) -> Result<usize> {
    let pages: Vec<String> = pages.into_iter().collect::<Result<_>>()?;
    Ok(pages.iter().filter(|page| page.contains(words)).count())
}
