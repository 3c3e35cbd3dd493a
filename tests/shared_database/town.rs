//! Both servers with the same options on one database, and those who use them.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use bson::{DateTime, Document, doc};
use mongodb::{Client, Database};
use parsefleet_testkit::servers::{
    APP_ID, Answer, IdentityServer, MASTER_KEY, MailServer, MailServerOptions, ParseServer, Parsefleet, Settings, ask,
    ask_parse_server, mongodb_uri, plant_secret,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

/// A mail adapter of Parse Server that writes mails down, one in a line.
const ADAPTER: &str = "const fs = require('fs');
module.exports = { default: ({ file }) => ({ sendMail: async (mail) => fs.appendFileSync(file, JSON.stringify(mail) + '\\n') }) };";

/// What links in mails begin with. Who opens one chooses the server.
const PUBLIC_URL: &str = "http://app.example/parse";

/// The password that users begin with.
pub(crate) const PASSWORD: &str = "the first password";

/// Two servers, a mailbox of each, and a provider of identities.
pub(crate) struct Town {
    pub(crate) ours: Server,
    pub(crate) theirs: Server,
    pub(crate) partner: IdentityServer,
    database: Database,
    _parsefleet: Parsefleet,
    _parse_server: ParseServer,
}

/// One of the two.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    url: String,
    http: reqwest::Client,
    mails: Mails,
}

/// Where the mails of a server are.
enum Mails {
    Box(MailServer),
    File(PathBuf),
}

/// Somebody who signed up.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) id: String,
    /// Empty if the sign-up opened no session.
    pub(crate) session: String,
}

impl Town {
    /// Starts both with these options, beside those of mails and identities.
    pub(crate) async fn start(folder: &Path, options: &Json) -> Result<Self> {
        plant_secret(PASSWORD);
        let uri = mongodb_uri(&format!("shared_{}", rand::random::<u32>()))?;
        let partner = IdentityServer::start().await?;
        let mut common = json!({
            "appName": "Shared", "publicServerURL": PUBLIC_URL, "verifyUserEmails": true,
            "auth": { "partner": partner.options() },
        });
        merge(&mut common, options);

        let (adapter, file) = (folder.join("adapter.js"), folder.join("mails"));
        fs::write(&adapter, ADAPTER)?;
        let mut their_options = common.clone();
        merge(&mut their_options, &json!({ "emailAdapter": { "module": adapter, "options": { "file": file } } }));
        let parse_server = ParseServer::start(folder, &uri, &their_options).await?;

        let mails = MailServer::start(MailServerOptions::default()).await?;
        let smtp =
            json!({ "host": "127.0.0.1", "port": mails.smtp_port, "security": "none", "from": "app@example.com" });
        let mut settings = Settings::default().option("databaseURI", uri.clone());
        settings = settings.option("emailAdapter", json!({ "module": "smtp", "options": smtp }));
        for (name, value) in common.as_object().into_iter().flatten() {
            settings = settings.option(name, value.clone());
        }
        let parsefleet = Parsefleet::start(folder, settings).await?;

        let database = Client::with_uri_str(&uri).await?.default_database().context("the URI names a database")?;
        let ours = Server::new("Parsefleet", &parsefleet.url, Mails::Box(mails))?;
        let theirs = Server::new("Parse Server", &parse_server.url, Mails::File(file))?;
        Ok(Self { ours, theirs, partner, database, _parsefleet: parsefleet, _parse_server: parse_server })
    }

    /// Where something begins and where it goes on: both ways.
    pub(crate) fn ways(&self) -> [(&Server, &Server); 2] {
        [(&self.ours, &self.theirs), (&self.theirs, &self.ours)]
    }

    /// Both.
    pub(crate) fn servers(&self) -> [&Server; 2] {
        [&self.ours, &self.theirs]
    }

    /// A user as it is stored.
    pub(crate) async fn row(&self, user: &User) -> Result<Document> {
        let users = self.database.collection::<Document>("_User");
        users.find_one(doc! { "_id": &user.id }).await?.context("no such user")
    }

    /// Changes columns of a user that only the servers write.
    pub(crate) async fn set(&self, user: &User, columns: Document) -> Result<()> {
        let users = self.database.collection::<Document>("_User");
        let done = users.update_one(doc! { "_id": &user.id }, doc! { "$set": columns }).await?;
        ensure!(done.matched_count == 1, "no such user");
        Ok(())
    }

    /// Ends: the database is dropped.
    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.database.drop().await?)
    }
}

impl Server {
    fn new(name: &'static str, url: &str, mails: Mails) -> Result<Self> {
        // A connection for each request: Parse Server now and then closes one that is about to be used again.
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self { name, url: url.to_owned(), http, mails })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("X-Parse-Application-Id", APP_ID)
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Answer> {
        match self.mails {
            Mails::Box(_) => ask(request).await,
            Mails::File(_) => ask_parse_server(request).await,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<(u16, Json)> {
        let answer = self.ask(request).await?;
        Ok((answer.status, answer.json()?))
    }

    /// Sends a body as nobody.
    pub(crate) async fn post(&self, path: &str, body: &Json) -> Result<(u16, Json)> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// A user changes itself.
    pub(crate) async fn update(&self, user: &User, session: &str, body: &Json) -> Result<(u16, Json)> {
        let request = self.request(Method::PUT, &format!("/users/{}", user.id));
        self.send(request.header("X-Parse-Session-Token", session).json(body)).await
    }

    /// Somebody with the master key changes a user.
    pub(crate) async fn change(&self, user: &User, body: &Json) -> Result<(u16, Json)> {
        let request = self.request(Method::PUT, &format!("/users/{}", user.id));
        self.send(request.header("X-Parse-Master-Key", MASTER_KEY).json(body)).await
    }

    /// Who a session is: its user's id, or the code of the error.
    pub(crate) async fn me(&self, session: &str) -> Result<Json> {
        let request = self.request(Method::GET, "/users/me").header("X-Parse-Session-Token", session);
        let (_, body) = self.send(request).await?;
        Ok(body.get("objectId").or_else(|| body.get("code")).cloned().unwrap_or_default())
    }

    /// Ends a session.
    pub(crate) async fn log_out(&self, session: &str) -> Result<()> {
        let request = self.request(Method::POST, "/logout").header("X-Parse-Session-Token", session);
        let (status, body) = self.send(request).await?;
        ensure!(status == 200, "{}: log out: {body}", self.name);
        Ok(())
    }

    /// Somebody new with this name, the first password and an address.
    pub(crate) async fn sign_up(&self, name: &str) -> Result<User> {
        let name = format!("{name} of {}", self.name).replace(' ', "-");
        let body = json!({ "username": name, "password": PASSWORD, "email": address(&name) });
        let (status, answer) = self.post("/users", &body).await?;
        ensure!(status == 201, "{}: sign up: {answer}", self.name);
        let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
        Ok(User { id: text("objectId"), session: text("sessionToken"), name })
    }

    /// What a log-in is answered: the user's id, or what is wrong.
    pub(crate) async fn log_in(&self, user: &User, password: &str) -> Result<Json> {
        let (_, body) = self.post("/login", &json!({ "username": user.name, "password": password })).await?;
        Ok(body.get("objectId").or_else(|| body.get("error")).cloned().unwrap_or_default())
    }

    /// Opens a session.
    pub(crate) async fn open_session(&self, user: &User, password: &str) -> Result<String> {
        let (_, body) = self.post("/login", &json!({ "username": user.name, "password": password })).await?;
        Ok(body["sessionToken"].as_str().with_context(|| format!("{}: {body}", self.name))?.to_owned())
    }

    /// Waits for the mail to a user after those known that this server sent, and tells the token of its link.
    pub(crate) async fn token_for(&self, user: &User, known: usize) -> Result<String> {
        let address = address(&user.name);
        for _ in 0..200 {
            let texts = self.texts_to(&address)?;
            if texts.len() > known {
                let (_, token) = texts[texts.len() - 1].split_once("token=").context("a mail without a link")?;
                let token: String = token.chars().take_while(char::is_ascii_alphanumeric).collect();
                plant_secret(&token);
                return Ok(token);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{}: no mail to {address} came", self.name)
    }

    /// How many mails this server sent to a user.
    pub(crate) fn mails_to(&self, user: &User) -> Result<usize> {
        Ok(self.texts_to(&address(&user.name))?.len())
    }

    fn texts_to(&self, address: &str) -> Result<Vec<String>> {
        match &self.mails {
            Mails::Box(server) => {
                let mails = server.mails().into_iter().filter(|mail| mail.to.iter().any(|to| to == address));
                mails.map(|mail| Ok(mail.message()?.text)).collect()
            }
            Mails::File(file) => {
                let mut texts = Vec::new();
                for line in fs::read_to_string(file).unwrap_or_default().lines() {
                    let mail: Json = serde_json::from_str(line)?;
                    if mail["to"] == address {
                        texts.push(mail["text"].as_str().unwrap_or_default().to_owned());
                    }
                }
                Ok(texts)
            }
        }
    }

    /// Opens the link of a mail that asks to confirm an address.
    pub(crate) async fn verify(&self, token: &str) -> Result<()> {
        self.ask(self.http.get(format!("{}/apps/{APP_ID}/verify_email?token={token}", self.url))).await?;
        Ok(())
    }

    /// Sends the form behind the link of a mail that lets choose a new password.
    pub(crate) async fn reset(&self, token: &str, password: &str) -> Result<()> {
        let url = format!("{}/apps/{APP_ID}/request_password_reset", self.url);
        self.ask(self.http.post(url).form(&[("token", token), ("new_password", password)])).await?;
        Ok(())
    }
}

/// The address of somebody.
pub(crate) fn address(name: &str) -> String {
    format!("{}@example.com", name.to_lowercase())
}

/// Some time from now.
pub(crate) fn moment(seconds_from_now: i64) -> DateTime {
    DateTime::from_millis(DateTime::now().timestamp_millis() + seconds_from_now * 1000)
}

fn merge(options: &mut Json, more: &Json) {
    if let (Some(options), Some(more)) = (options.as_object_mut(), more.as_object()) {
        options.extend(more.clone());
    }
}
