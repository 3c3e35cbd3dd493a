//! A person with a real browser: signs up, opens the links in the mails, chooses a new password. With scripts and without; at the
//! width of a desk and of the smallest telephone. Pictures of all pages are left in the target folder.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use parsefleet_testkit::servers::tool;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::site::{APP_NAME, Site};

/// What is seen after a step.
#[derive(Debug, Deserialize)]
struct Seen {
    url: String,
    title: String,
    heading: Option<String>,
    alert: Option<String>,
    text: String,
    language: String,
    overflow: bool,
    unlabelled: usize,
    refused: Vec<String>,
}

#[derive(Clone, Copy)]
struct Visitor {
    name: &'static str,
    scripts: bool,
}

// The ear hears while this test waits for the browser.
#[tokio::test(flavor = "multi_thread")]
async fn links_in_mails_work_in_a_browser() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = json!({ "passwordPolicy": { "doNotAllowUsername": true }, "preventLoginWithUnverifiedEmail": true });
    let (site, ear) = Site::start_behind_ear(folder.path(), &options).await?;
    for visitor in [Visitor { name: "anna", scripts: true }, Visitor { name: "bert", scripts: false }] {
        verify(&site, visitor).await?;
        reset(&site, visitor).await?;
    }
    // What the browser was answered tells no secret, either.
    ear.finish()?;
    Ok(())
}

/// Signs up and opens the link in the mail.
async fn verify(site: &Site, visitor: Visitor) -> Result<()> {
    let Visitor { name, .. } = visitor;
    let address = format!("{name}@example.com");
    let id = site.client.sign_up(&json!({ "username": name, "password": "first", "email": address })).await?;
    assert_eq!(site.client.log_in(name, "first").await?, 400, "not before the address is verified");
    let link = site.link_to(&address, 0).await?;
    let seen = visit(
        visitor,
        "verify",
        &[json!({ "open": link }), json!({ "open": format!("{link}&locale=de") }), json!({ "click": "button" })],
    )?;
    assert_eq!(seen[0].heading.as_deref(), Some("Your address is verified"));
    assert_eq!(seen[0].title, format!("Your address is verified · {APP_NAME}"));
    let again = &seen[3];
    assert_eq!((again.heading.as_deref(), again.language.as_str()), (Some("Dieser Link funktioniert nicht"), "de"));
    assert!(seen[6].url.contains("/apps/de/email_verification_send_success.html"), "{}", seen[6].url);
    assert_eq!(site.client.user(&id).await?["emailVerified"], true);
    assert_eq!(site.client.log_in(name, "first").await?, 200);
    Ok(())
}

/// Asks for a new password, and chooses it in the form.
async fn reset(site: &Site, visitor: Visitor) -> Result<()> {
    let Visitor { name, .. } = visitor;
    let address = format!("{name}@example.com");
    let known = site.inbox().to(&address).await?.len();
    let (status, _) = site.client.post("/requestPasswordReset", &json!({ "email": address })).await?;
    assert_eq!(status, 200);
    let link = site.link_to(&address, known).await?;
    let typed = |first: &str, second: &str| {
        [
            json!({ "type": first, "into": "#new_password" }),
            json!({ "type": second, "into": "#confirm_new_password" }),
            json!({ "click": "button" }),
        ]
    };
    let mut steps = vec![json!({ "open": link })];
    steps.extend(typed("sesame", "sesam"));
    steps.extend(typed(&format!("x{name}x"), &format!("x{name}x")));
    steps.extend(typed("sésame 2", "sésame 2"));
    steps.push(json!({ "open": link }));
    let seen = visit(visitor, "reset", &steps)?;
    let headings: Vec<_> = seen.iter().filter_map(|seen| seen.heading.as_deref()).collect();
    assert_eq!(headings.first(), Some(&"Choose a new password"), "{headings:?}");
    let alerts: Vec<_> = seen.iter().filter_map(|seen| seen.alert.as_deref()).collect();
    assert!(alerts.contains(&"The two passwords are not the same."), "{alerts:?}");
    assert!(alerts.contains(&"Password cannot contain your username."), "{alerts:?}");
    assert!(headings.contains(&"Your password is changed"), "{headings:?}");
    let last = seen.last().context("nothing was seen")?;
    assert_eq!(last.heading.as_deref(), Some("This link does not work"));
    assert_eq!(site.client.log_in(name, "sésame 2").await?, 200);
    assert_eq!(site.client.log_in(name, "first").await?, 404);
    Ok(())
}

/// Takes the steps, and after each that leads to a page two pictures.
fn visit(visitor: Visitor, story: &str, steps: &[Json]) -> Result<Vec<Seen>> {
    let pictures = pictures()?;
    let mut all = Vec::new();
    for step in steps {
        all.push(step.clone());
        if step.get("into").is_none() {
            for width in [320, 1280] {
                let file = format!("{story}-{}-{}-{width}.png", visitor.name, all.len());
                all.push(json!({ "picture": pictures.join(file), "width": width }));
            }
        }
    }
    let seen: Vec<Seen> = browse(&json!({ "javascript": visitor.scripts, "steps": all }))?;
    for page in &seen {
        assert!(!page.overflow, "{} is wider than the window", page.url);
        assert_eq!(page.unlabelled, 0, "{} has fields without labels", page.url);
        assert!(page.refused.is_empty(), "{}: {:?}", page.url, page.refused);
        assert!(page.text.contains(APP_NAME), "{}", page.text);
    }
    Ok(seen)
}

fn browse(story: &Json) -> Result<Vec<Seen>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages/browser.mjs");
    let mut node = Command::new(tool("node"));
    node.arg(script)
        .env("CHROMIUM", tool("chromium"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = node.spawn()?;
    running.stdin.take().context("no standard input")?.write_all(story.to_string().as_bytes())?;
    let output = running.wait_with_output()?;
    ensure!(output.status.success(), "the browser: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Where pictures are left to be looked at.
fn pictures() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
