//! Servers of an app that sends mails, and somebody who uses them.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use parsefleet_testkit::servers::{
    APP_ID, Inbox, MAINTENANCE_KEY, MASTER_KEY, MailServer, MailServerOptions, Parsefleet, Settings, ask, free_port,
    plant_secret,
};
use serde_json::{Value as Json, json};

/// Name of the app; it has to be escaped in pages and URLs.
pub(crate) const APP_NAME: &str = "Täst & <App>";

/// Our server, and the mail server that it sends by.
pub(crate) struct Site {
    pub(crate) client: Client,
    pub(crate) mails: MailServer,
    _server: Parsefleet,
}

/// Somebody who asks a server.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) url: String,
    http: reqwest::Client,
}

impl Site {
    /// Starts our server, everything in one process, with these options beside those of mails and pages.
    pub(crate) async fn start(folder: &Path, options: &Json) -> Result<Self> {
        let mails = MailServer::start(MailServerOptions::default()).await?;
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}/parse");
        let adapter = json!({
            "module": "smtp",
            "options": { "host": "127.0.0.1", "port": mails.smtp_port, "security": "none", "from": "app@example.com" },
        });
        let mut settings = Settings { port: Some(port), ..Settings::default() };
        settings = settings.option("emailAdapter", adapter);
        for (name, value) in common_options(&url).as_object().into_iter().chain(options.as_object()).flatten() {
            settings = settings.option(name, value.clone());
        }
        let server = Parsefleet::start(folder, settings).await?;
        Ok(Self { client: Client::new(&server.url)?, mails, _server: server })
    }

    pub(crate) fn inbox(&self) -> Inbox {
        self.mails.inbox()
    }

    /// The link in the newest mail to an address, beside those known.
    pub(crate) async fn link_to(&self, address: &str, known: usize) -> Result<String> {
        let mail = self.inbox().wait_for(address, known).await?;
        let start = mail.text.find("http").context("a mail without a link")?;
        let link = mail.text[start..].split_whitespace().next().unwrap_or_default().to_owned();
        let (_, token) = link.split_once("token=").context("a link without a token")?;
        plant_secret(token.split('&').next().unwrap_or_default());
        Ok(link)
    }
}

/// Options of both servers.
pub(crate) fn common_options(url: &str) -> Json {
    json!({ "appName": APP_NAME, "publicServerURL": url, "verifyUserEmails": true, "pages": { "enableLocalization": true } })
}

impl Client {
    pub(crate) fn new(url: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self { url: url.to_owned(), http })
    }

    /// Asks for a path with the application id.
    pub(crate) fn request(&self, method: &str, path: &str) -> Result<reqwest::RequestBuilder> {
        let request = self.http.request(method.parse()?, format!("{}{path}", self.url));
        Ok(request.header("X-Parse-Application-Id", APP_ID))
    }

    /// Asks for a page, as browsers do.
    pub(crate) fn page(&self, method: &str, path: &str) -> Result<reqwest::RequestBuilder> {
        Ok(self.http.request(method.parse()?, format!("{}{path}", self.url)))
    }

    pub(crate) async fn post(&self, path: &str, body: &Json) -> Result<(u16, Json)> {
        let answer = ask(self.request("POST", path)?.json(body)).await?;
        Ok((answer.status, answer.json()?))
    }

    pub(crate) async fn post_owned(&self, path: &str, body: Json) -> Result<(u16, Json)> {
        self.post(path, &body).await
    }

    /// The page that a link leads to.
    pub(crate) async fn open(&self, link: &str) -> Result<String> {
        Ok(ask(self.http.get(link)).await?.text)
    }

    /// The page that a form leads to.
    pub(crate) async fn send_form<const N: usize>(&self, path: &str, form: [(&str, String); N]) -> Result<String> {
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
        let request = self.page("POST", path)?.header("content-type", "application/x-www-form-urlencoded");
        Ok(ask(request.body(body.join("&"))).await?.text)
    }

    /// Signs a user up, and tells the id.
    pub(crate) async fn sign_up(&self, user: &Json) -> Result<String> {
        let (status, answer) = self.post("/users", user).await?;
        ensure!(status == 201, "sign up: {status} {answer}");
        Ok(answer["objectId"].as_str().context("no id")?.to_owned())
    }

    /// Changes internal columns of a user.
    pub(crate) async fn change(&self, id: &str, columns: &Json) -> Result<()> {
        let request = self.request("PUT", &format!("/users/{id}"))?;
        let answer = request.header("X-Parse-Maintenance-Key", MAINTENANCE_KEY).json(columns).send().await?;
        ensure!(answer.status().is_success(), "change: {}", answer.text().await?);
        Ok(())
    }

    /// The user as the master key sees it.
    pub(crate) async fn user(&self, id: &str) -> Result<Json> {
        let request = self.request("GET", &format!("/users/{id}"))?.header("X-Parse-Master-Key", MASTER_KEY);
        ask(request).await?.json()
    }

    /// The status of a log-in.
    pub(crate) async fn log_in(&self, name: &str, password: &str) -> Result<u16> {
        Ok(self.post("/login", &json!({ "username": name, "password": password })).await?.0)
    }
}
