//! Pages as a browser gets them, from a gateway whose auth knows the token `good`.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod shown;
mod tokens;

use bytes::Bytes;
use http::Response;
use serde_json::{Value as Json, json};

use crate::testing::Setup;

const PUBLIC_URL: &str = "https://api.example/parse";

/// A gateway of an app with a name and a public URL.
struct Site(Setup);

/// What came back.
struct Answer {
    status: u16,
    text: String,
    response: Response<Bytes>,
}

impl Site {
    fn new(pages: &Json) -> Self {
        Self::with(pages, &[])
    }

    fn with(pages: &Json, options: &[(&str, &str)]) -> Self {
        let pages = pages.to_string();
        let common = [
            ("PARSE_SERVER_APP_NAME", "Café & <Co>"),
            ("PARSE_PUBLIC_SERVER_URL", PUBLIC_URL),
            ("PARSE_SERVER_PAGES", pages.as_str()),
        ];
        let options: Vec<_> = common.into_iter().chain(options.iter().copied()).collect();
        Self(Setup::new(&options))
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET /parse{path}"), &[], "").await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.ask(&format!("POST /parse{path}"), &headers, form).await
    }

    async fn post_by_script(&self, path: &str, form: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("x-requested-with", "XMLHttpRequest")];
        self.ask(&format!("POST /parse{path}"), &headers, form).await
    }

    async fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let response = self.0.ask(line, headers, body).await;
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        Answer { status: response.status().as_u16(), text, response }
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    fn title(&self) -> &str {
        self.between("<h1>", "</h1>")
    }

    fn between(&self, start: &str, end: &str) -> &str {
        let (_, rest) = self.text.split_once(start).unwrap_or_else(|| panic!("no {start} in {}", self.text));
        rest.split_once(end).unwrap().0
    }

    fn location(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("{} without a location: {}", self.status, self.text))
    }

    fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|_| json!(self.text))
    }
}

/// A folder with files, gone after the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("parsefleet-pages-{}-{name}", std::process::id()));
        for (path, content) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        Self(root)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
