//! Where clients read a stored file: its URL is not stored, it follows from the name.

use parsefleet_core::uri::URI_COMPONENT;
use percent_encoding::percent_encode;

/// How names become URLs.
#[derive(Clone, Debug, Default)]
pub struct FileUrls {
    /// URL under which clients reach the API.
    pub mount_url: String,
    /// Application id.
    pub app_id: String,
    /// `fileKey`, which the URLs of files from the time of hosted Parse hold.
    pub file_key: Option<String>,
}

impl FileUrls {
    /// Appends the URL of a file. Nothing in it needs escaping in JSON unless the mount URL or application id does.
    pub fn write(&self, out: &mut String, name: &str) {
        let legacy_host = self.file_key.as_deref().zip(legacy_host(name));
        if let Some((file_key, host)) = legacy_host {
            out.extend([host, file_key, "/"]);
            out.extend(percent_encode(name.as_bytes(), URI_COMPONENT));
            return;
        }
        out.extend([self.mount_url.as_str(), "/files/", &self.app_id]);
        for segment in name.split('/') {
            out.push('/');
            out.extend(percent_encode(segment.as_bytes(), URI_COMPONENT));
        }
    }
}

/// The host of a file that hosted Parse stored.
fn legacy_host(name: &str) -> Option<&'static str> {
    if name.starts_with("tfss-") {
        return Some("http://files.parsetfss.com/");
    }
    starts_with_uuid(name).then_some("http://files.parse.com/")
}

fn starts_with_uuid(name: &str) -> bool {
    let mut parts = name.splitn(6, '-');
    [8, 4, 4, 4, 12].into_iter().all(|length| {
        parts.next().is_some_and(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }) && parts.next().is_some()
}
