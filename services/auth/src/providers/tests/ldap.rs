//! LDAP: a small directory that speaks the protocol.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{providers, says, sign_up};

/// A directory with one user, "anna", whose password is "secret", in the group "staff".
struct Directory {
    url: String,
    /// Names that were bound, and filters that were searched for as they came.
    seen: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Directory {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ldap://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                clients.spawn(converse(stream, Arc::clone(&notes)));
            }
        });
        Self { url, seen, _task: task }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn converse(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    while let Some(message) = read_message(&mut stream).await {
        let (id, rest) = take(&message);
        let (operation, _) = take(rest);
        let replies = match rest[0] {
            0x60 => vec![bind(operation, &seen)],
            0x63 => search(operation, &seen),
            _ => return,
        };
        for reply in replies {
            let message = value(0x30, &[value(0x02, id), reply].concat());
            stream.write_all(&message).await.unwrap();
        }
    }
}

fn bind(operation: &[u8], seen: &Mutex<Vec<String>>) -> Vec<u8> {
    let (_version, rest) = take(operation);
    let (name, rest) = take(rest);
    let (password, _) = take(rest);
    let name = String::from_utf8(name.to_vec()).unwrap();
    seen.lock().unwrap().push(name.clone());
    // A real directory lets those in who give no password.
    let code = match (name.as_str(), password) {
        ("uid=busy,dc=town", _) => 51,
        ("uid=anna,dc=town" | "cn=anna,ou=people", b"secret") | (_, b"") => 0,
        _ => 49,
    };
    result(0x61, code)
}

fn search(operation: &[u8], seen: &Mutex<Vec<String>>) -> Vec<Vec<u8>> {
    seen.lock().unwrap().push(format!("{:?}", String::from_utf8_lossy(operation)));
    let text = |text: &str| value(0x04, text.as_bytes());
    let names = value(0x31, &[text("everybody"), text("staff")].concat());
    let attribute = value(0x30, &[text("CN"), names].concat());
    let entry = value(0x64, &[text("cn=staff,dc=town"), value(0x30, &attribute)].concat());
    let is_member = operation.windows(4).any(|window| window == b"anna");
    let found = if is_member { vec![entry] } else { Vec::new() };
    let is_broken = operation.windows(6).any(|window| window == b"broken");
    found.into_iter().chain([result(0x65, if is_broken { 1 } else { 0 })]).collect()
}

fn result(tag: u8, code: u8) -> Vec<u8> {
    value(tag, &[value(0x0a, &[code]), value(0x04, b""), value(0x04, b"")].concat())
}

fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
    assert!(contents.len() < 0x80);
    [&[tag, contents.len() as u8], contents].concat()
}

/// The contents of the first value, and what follows it.
fn take(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match bytes[1] {
        0x81 => (usize::from(bytes[2]), 3),
        0x82 => (usize::from(bytes[2]) << 8 | usize::from(bytes[3]), 4),
        0x84 => (u32::from_be_bytes(bytes[2..6].try_into().unwrap()) as usize, 6),
        short => (usize::from(short), 2),
    };
    (&bytes[start..start + length], &bytes[start + length..])
}

async fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let byte = stream.read_u8().await.ok()?;
        bytes.push(byte);
        if bytes.len() < 2 || (bytes[1] > 0x80 && bytes.len() < 2 + usize::from(bytes[1] & 0x7f)) {
            continue;
        }
        let length = match bytes[1] {
            long if long > 0x80 => bytes[2..].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
            short => usize::from(short),
        };
        let mut contents = vec![0; length];
        stream.read_exact(&mut contents).await.ok()?;
        return Some(contents);
    }
}

fn options(directory: &Directory, more: Json) -> Json {
    let mut options = json!({ "url": directory.url, "suffix": "dc=town" });
    for (name, value) in more.as_object().unwrap() {
        options[name] = value.clone();
    }
    json!({ "ldap": options })
}

fn sent(id: &str, password: impl Into<Json>) -> Json {
    json!({ "id": id, "password": password.into() })
}

#[tokio::test]
async fn passwords_are_checked_by_the_directory_and_not_stored() {
    let directory = Directory::start().await;
    let ldap = providers(&options(&directory, json!({})));
    assert_eq!(sign_up(&ldap, "ldap", sent("anna", "secret")).await, Ok(json!({ "id": "anna" })));
    let wrong = says(101, "LDAP: Wrong username or password");
    for sent in [
        sent("anna", "wrong"),
        sent("anna", ""),
        sent("anna", Json::Null),
        sent("anna", 5),
        sent("", "secret"),
        sent("otto", "secret"),
        json!({ "id": "anna" }),
        json!({ "password": "secret" }),
        json!({ "id": 5, "password": "secret" }),
    ] {
        assert_eq!(sign_up(&ldap, "ldap", sent.clone()).await, wrong, "{sent}");
    }
    let busy = sign_up(&ldap, "ldap", sent("busy", "secret")).await;
    assert_eq!(busy, says(101, "LDAP: Somthing went wrong (51)"));
}

#[tokio::test]
async fn names_of_entries_follow_a_template_that_ids_cannot_leave() {
    let directory = Directory::start().await;
    let ldap = providers(&options(&directory, json!({ "dn": "cn={{id}},ou=people" })));
    assert!(sign_up(&ldap, "ldap", sent("anna", "secret")).await.is_ok());
    assert!(sign_up(&ldap, "ldap", sent("anna,ou=people", "secret")).await.is_err());
    assert_eq!(directory.seen(), ["cn=anna,ou=people", r"cn=anna\,ou\=people,ou=people"]);
}

#[tokio::test]
async fn users_may_have_to_be_in_a_group() {
    let directory = Directory::start().await;
    let group = |name: &str, filter: &str| options(&directory, json!({ "groupCn": name, "groupFilter": filter }));
    let staff = providers(&group("staff", "(member={{id}})"));
    assert!(sign_up(&staff, "ldap", sent("anna", "secret")).await.is_ok());
    let guests = providers(&group("guests", "(member={{ID}})"));
    assert_eq!(sign_up(&guests, "ldap", sent("anna", "secret")).await, says(1, "LDAP: User not in group"));
    let nobody = providers(&group("staff", "(member=nobody)"));
    assert_eq!(sign_up(&nobody, "ldap", sent("anna", "secret")).await, says(1, "LDAP: User not in group"));
    for filter in ["(broken={{id}})", "(((not a filter"] {
        let broken = providers(&group("staff", filter));
        assert_eq!(
            sign_up(&broken, "ldap", sent("anna", "secret")).await,
            says(1, "LDAP group search failed"),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn a_directory_that_is_away_lets_nobody_in() {
    let away = json!({ "ldap": { "url": "ldap://127.0.0.1:1", "suffix": "dc=town" } });
    let answer = sign_up(&providers(&away), "ldap", sent("anna", "secret")).await;
    assert_eq!(answer, says(101, "LDAP: Somthing went wrong (ECONNREFUSED)"));
}

#[tokio::test]
async fn a_directory_has_to_prove_who_it_is() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let server =
        server.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private.into()).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldaps://localhost:{}", listener.local_addr().unwrap().port());
    let mut task = JoinSet::new();
    task.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 512];
            let _ = stream.read(&mut request).await;
            let message = value(0x30, &[value(0x02, &[1]), result(0x61, 0)].concat());
            let _ = stream.write_all(&message).await;
            let _ = stream.read(&mut request).await;
        }
    });
    let set_up = |tls: Json| providers(&json!({ "ldap": { "url": url, "suffix": "dc=town", "tlsOptions": tls } }));
    let answer = sign_up(&set_up(json!({})), "ldap", sent("anna", "secret")).await;
    assert_eq!(answer, says(101, "LDAPS: Certificate mismatch"));
    let trusted = set_up(json!({ "ca": [certificate.pem()] }));
    assert_eq!(sign_up(&trusted, "ldap", sent("anna", "secret")).await, Ok(json!({ "id": "anna" })));
    let careless = set_up(json!({ "rejectUnauthorized": false }));
    assert!(sign_up(&careless, "ldap", sent("anna", "secret")).await.is_ok());
}
