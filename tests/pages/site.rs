//! Servers of an app that sends mails, and somebody who uses them.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use parsefleet_testkit::servers::{
    APP_ID, Answer, Ear, Inbox, MAINTENANCE_KEY, MASTER_KEY, MailServer, MailServerOptions, Parsefleet, Settings, ask,
    ask_parse_server, free_port, plant_secret,
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
    is_ours: bool,
}

impl Site {
    /// Starts our server, everything in one process, with these options beside those of mails and pages.
    pub(crate) async fn start(folder: &Path, options: &Json) -> Result<Self> {
        let port = free_port()?;
        Self::start_at(folder, port, &format!("http://127.0.0.1:{port}/parse"), options).await
    }

    /// The same, where links lead to it by way of somebody who hears what those are answered who open them.
    pub(crate) async fn start_behind_ear(folder: &Path, options: &Json) -> Result<(Self, Ear)> {
        let port = free_port()?;
        let ear = Ear::start(port).await?;
        Ok((Self::start_at(folder, port, &ear.url, options).await?, ear))
    }

    async fn start_at(folder: &Path, port: u16, public_url: &str, options: &Json) -> Result<Self> {
        let mails = MailServer::start(MailServerOptions::default()).await?;
        let adapter = json!({
            "module": "smtp",
            "options": { "host": "127.0.0.1", "port": mails.smtp_port, "security": "none", "from": "app@example.com" },
        });
        let mut settings = Settings { port: Some(port), ..Settings::default() };
        settings = settings.option("emailAdapter", adapter);
        for (name, value) in common_options(public_url).as_object().into_iter().chain(options.as_object()).flatten() {
            settings = settings.option(name, value.clone());
        }
        let server = Parsefleet::start(folder, settings).await?;
        Ok(Self { client: Client::of_ours(&server.url)?, mails, _server: server })
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
    pub(crate) fn of_ours(url: &str) -> Result<Self> {
        Self::new(url, true)
    }

    pub(crate) fn of_parse_server(url: &str) -> Result<Self> {
        Self::new(url, false)
    }

    fn new(url: &str, is_ours: bool) -> Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self { url: url.to_owned(), http, is_ours })
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

    pub(crate) async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        if self.is_ours { ask(request).await } else { ask_parse_server(request).await }
    }

    pub(crate) async fn post(&self, path: &str, body: &Json) -> Result<(u16, Json)> {
        let answer = self.ask(self.request("POST", path)?.json(body)).await?;
        Ok((answer.status, answer.json()?))
    }

    pub(crate) async fn post_owned(&self, path: &str, body: Json) -> Result<(u16, Json)> {
        self.post(path, &body).await
    }

    /// The page that a link leads to.
    pub(crate) async fn open(&self, link: &str) -> Result<String> {
        Ok(self.ask(self.http.get(link)).await?.text)
    }

    /// The page that a form leads to.
    pub(crate) async fn send_form<const N: usize>(&self, path: &str, form: [(&str, String); N]) -> Result<String> {
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
        let request = self.page("POST", path)?.header("content-type", "application/x-www-form-urlencoded");
        Ok(self.ask(request.body(body.join("&"))).await?.text)
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
        let request = request.header("X-Parse-Maintenance-Key", MAINTENANCE_KEY).json(columns);
        self.ask(request).await?.successful().context("change a user")?;
        Ok(())
    }

    /// The user as the master key sees it.
    pub(crate) async fn user(&self, id: &str) -> Result<Json> {
        let request = self.request("GET", &format!("/users/{id}"))?.header("X-Parse-Master-Key", MASTER_KEY);
        self.ask(request).await?.json()
    }

    /// The status of a log-in.
    pub(crate) async fn log_in(&self, name: &str, password: &str) -> Result<u16> {
        Ok(self.post("/login", &json!({ "username": name, "password": password })).await?.0)
    }
}
