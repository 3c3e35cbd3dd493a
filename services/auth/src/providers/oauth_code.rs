//! Providers that exchange a code for a token, and a token for a profile. Each is a [`Description`]; what is done is the same.

use async_trait::async_trait;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_runtime::config::providers::{CodeFlow, CodeProvider};
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value as Json};

use super::{
    Occasion, Provider, Slice, Verdict, github, gpgames,
    http::{self, Answer, Http, NoAnswer},
    id_of, instagram, line, linkedin, microsoft, qq, refused, spotify, text, wechat, weibo,
};

/// What is particular to a provider.
pub(super) struct Description {
    /// Its name in texts.
    pub(super) name: &'static str,
    /// Members that have to be sent beside the code, and what is said if one is not there.
    pub(super) needs: (&'static [&'static str], &'static str),
    pub(super) exchange: Exchange,
    pub(super) profile: Profile,
}

/// From a code to a token.
pub(super) struct Exchange {
    pub(super) url: &'static str,
    pub(super) sending: Sending,
    pub(super) parameters: &'static [(&'static str, Part)],
    pub(super) failure: Failure,
}

/// How parameters are sent.
#[derive(Clone, Copy)]
pub(super) enum Sending {
    /// POST, as JSON.
    Json,
    /// POST, as a form.
    Form,
    /// GET, in the URL.
    Query,
}

/// What is sent for a code.
#[derive(Clone, Copy)]
pub(super) enum Part {
    ClientId,
    ClientSecret,
    /// `authorization_code`
    Grant,
    Code,
    RedirectUri,
    CodeVerifier,
}

/// From a token to the user it is for.
pub(super) struct Profile {
    /// `{id}` in its query stands for the id that the exchange or the client named.
    pub(super) url: &'static str,
    pub(super) carries: Carries,
    pub(super) headers: fn(&Slice) -> &'static [(&'static str, &'static str)],
    pub(super) id: Id,
    pub(super) failure: Failure,
    /// What is said of a profile that lacks what it has to hold.
    pub(super) incomplete: Option<&'static str>,
}

/// How a token is presented.
#[derive(Clone, Copy)]
pub(super) enum Carries {
    /// In the Authorization header.
    Bearer,
    /// In the URL.
    Query,
    /// POST, as a form.
    Form,
}

/// How a profile tells the id.
#[derive(Clone, Copy)]
pub(super) enum Id {
    /// By this member; the others have to be there.
    Member(&'static str, &'static [&'static str]),
    /// It confirms the id that it is asked about, when this member is 0.
    Confirmed(&'static str),
}

/// What is said when the provider refuses.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    /// This.
    Text(ErrorCode, &'static str),
    /// This, and what the provider's status means.
    Status(ErrorCode, &'static str),
}

/// A provider of the family, as it is set up.
pub(super) struct OAuthCode {
    description: &'static Description,
    client: Option<(String, SecretString)>,
    insecure: bool,
    exchange_url: String,
    profile_url: String,
    http: Http,
}

/// No headers of its own.
pub(super) fn no_headers(_slice: &Slice) -> &'static [(&'static str, &'static str)] {
    &[]
}

impl OAuthCode {
    pub(super) fn new(
        provider: CodeProvider,
        options: &CodeFlow,
        exchange_url: Option<&str>,
        profile_url: Option<&str>,
        http: &Http,
    ) -> Self {
        let description = description(provider);
        // A replaced URL keeps the query of the provider's own.
        let profile_url = profile_url.map_or_else(
            || description.profile.url.to_owned(),
            |url| format!("{url}{}", query_of(description.profile.url)),
        );
        Self {
            description,
            client: options.client.clone(),
            insecure: options.insecure,
            exchange_url: exchange_url.unwrap_or(description.exchange.url).to_owned(),
            profile_url,
            http: http.clone(),
        }
    }

    fn invalid(&self) -> ParseError {
        refused(format!("{} auth is invalid for this user.", self.description.name))
    }

    /// The token for a code. An id that comes with it is put into the slice.
    async fn exchange(&self, slice: &mut Slice) -> Result<String> {
        let (needs, missing) = self.description.needs;
        if needs.iter().any(|name| text(slice, name).is_none()) {
            return Err(refused(missing));
        }
        let failure = self.description.exchange.failure;
        let answer = http::ask(self.description.name, self.exchange_request(slice)).await;
        let answer = answer.map_err(|NoAnswer| failure.error("no answer"))?;
        let tokens = tokens(&answer).filter(|_| answer.status.is_success());
        let tokens = tokens.ok_or_else(|| failure.error(answer.reason()))?;
        if let Some(error) = tokens.get("error").filter(|error| !error.is_null()) {
            let described = tokens.get("error_description").and_then(Json::as_str);
            return Err(refused(described.or(error.as_str()).unwrap_or("The code was refused.")));
        }
        if let Some(open_id) = text(&tokens, "openid") {
            slice.insert("id".to_owned(), open_id.into());
        }
        text(&tokens, "access_token").map(str::to_owned).ok_or_else(|| failure.error(answer.reason()))
    }

    fn exchange_request(&self, slice: &Slice) -> Option<RequestBuilder> {
        let (client_id, secret) = self.client.as_ref()?;
        let value = |part: Part| match part {
            Part::ClientId => Some(client_id.as_str()),
            Part::ClientSecret => Some(secret.expose_secret()),
            Part::Grant => Some("authorization_code"),
            Part::Code => text(slice, "code"),
            Part::RedirectUri => text(slice, "redirect_uri"),
            Part::CodeVerifier => text(slice, "code_verifier"),
        };
        let exchange = &self.description.exchange;
        let parameters: Vec<(&str, &str)> =
            exchange.parameters.iter().filter_map(|(name, part)| Some((*name, value(*part)?))).collect();
        let request = match exchange.sending {
            Sending::Json => {
                let body: Map<String, Json> =
                    parameters.iter().map(|(name, value)| ((*name).to_owned(), Json::from(*value))).collect();
                self.http.post(&self.exchange_url)?.json(&body)
            }
            Sending::Form => self.http.post(&self.exchange_url)?.form(&parameters),
            Sending::Query => self.http.get(&self.exchange_url)?.query(&parameters),
        };
        Some(request.header("accept", "application/json"))
    }

    /// The id of the user whom the token is for.
    async fn user(&self, token: &str, slice: &Slice) -> Result<String> {
        let profile = &self.description.profile;
        let answer = http::ask(self.description.name, self.profile_request(token, slice)).await;
        let answer = answer.map_err(|NoAnswer| profile.failure.error("no answer"))?;
        if !answer.status.is_success() {
            return Err(profile.failure.error(answer.reason()));
        }
        let found = tokens(&answer).ok_or_else(|| self.invalid())?;
        let id = match profile.id {
            Id::Member(name, others) => {
                id_of(found.get(name)).filter(|_| others.iter().all(|other| text(&found, other).is_some()))
            }
            Id::Confirmed(flag) => {
                let confirmed = found.get(flag).and_then(Json::as_i64) == Some(0);
                text(slice, "id").filter(|_| confirmed).map(str::to_owned)
            }
        };
        id.ok_or_else(|| match profile.incomplete {
            Some(text) => ParseError::new(ErrorCode::ValidationError, text),
            None => self.invalid(),
        })
    }

    fn profile_request(&self, token: &str, slice: &Slice) -> Option<RequestBuilder> {
        let profile = &self.description.profile;
        let url = self.profile_url.replace("{id}", &http::encoded(text(slice, "id").unwrap_or_default()));
        let request = match profile.carries {
            Carries::Bearer => self.http.get(&url)?.bearer_auth(token),
            Carries::Query => self.http.get(&url)?.query(&[("access_token", token)]),
            Carries::Form => self.http.post(&url)?.form(&[("access_token", token)]),
        };
        let headers = (profile.headers)(slice);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Some(request.header("accept", "application/json"))
    }
}

#[async_trait]
impl Provider for OAuthCode {
    async fn before_find(&self, slice: &mut Slice) -> Result<()> {
        if self.insecure && text(slice, "code").is_none() {
            let token = text(slice, "access_token").ok_or_else(|| self.invalid())?;
            let user = self.user(token, slice).await?;
            if id_of(slice.get("id")).as_ref() != Some(&user) {
                return Err(self.invalid());
            }
            slice.insert("id".to_owned(), user.into());
            return Ok(());
        }
        if text(slice, "code").is_none() {
            let text = format!("{} code is required.", self.description.name);
            return Err(ParseError::new(ErrorCode::ValidationError, text));
        }
        let given = id_of(slice.get("id"));
        let token = self.exchange(slice).await?;
        let user = self.user(&token, slice).await?;
        if given.is_some_and(|given| given != user) {
            return Err(self.invalid());
        }
        slice.insert("access_token".to_owned(), token.into());
        slice.insert("id".to_owned(), user.into());
        for spent in ["code", "redirect_uri", "code_verifier"] {
            slice.remove(spent);
        }
        Ok(())
    }

    /// All was proved before the user was looked for.
    async fn validate(&self, _slice: &mut Slice, _occasion: &Occasion<'_>) -> Result<Verdict> {
        Ok(Verdict::GOOD)
    }
}

impl Failure {
    fn error(self, reason: &str) -> ParseError {
        match self {
            Self::Text(code, text) => ParseError::new(code, text),
            Self::Status(code, text) => ParseError::new(code, format!("{text}{reason}")),
        }
    }
}

/// What is in an answer: an object of JSON, alone or as the argument of a function, or a form.
fn tokens(answer: &Answer) -> Option<Map<String, Json>> {
    if let Some(Json::Object(members)) = answer.json() {
        return Some(members);
    }
    let text = answer.text()?.trim();
    if let (Some(start), Some(end)) = (text.find('('), text.rfind(')'))
        && start < end
    {
        return serde_json::from_str(text[start + 1..end].trim()).ok();
    }
    let pairs = text.split('&').map(|pair| pair.split_once('='));
    let pairs: Option<Vec<(&str, &str)>> = pairs.collect();
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some(pairs?.into_iter().map(|(name, value)| (name.to_owned(), Json::from(decoded(value)))).collect())
}

/// The query of a profile's URL, with its question mark.
fn query_of(url: &'static str) -> &'static str {
    url.find('?').map_or("", |place| &url[place..])
}

fn description(provider: CodeProvider) -> &'static Description {
    match provider {
        CodeProvider::GitHub => &github::GITHUB,
        CodeProvider::GooglePlayGames => &gpgames::GOOGLE_PLAY_GAMES,
        CodeProvider::Instagram => &instagram::INSTAGRAM,
        CodeProvider::Line => &line::LINE,
        CodeProvider::LinkedIn => &linkedin::LINKEDIN,
        CodeProvider::Microsoft => &microsoft::MICROSOFT,
        CodeProvider::Qq => &qq::QQ,
        CodeProvider::Spotify => &spotify::SPOTIFY,
        CodeProvider::WeChat => &wechat::WECHAT,
        CodeProvider::Weibo => &weibo::WEIBO,
    }
}
