//! Files of pages: from the folder of the app, and those that come with the program where that has none.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::{PagesError, built_in, locale::Locale};

/// Largest file that is served, in bytes.
const MAX_FILE: u64 = 8 << 20;

/// Where files are looked for.
pub(super) struct Files {
    /// The app's own folder, without links in its path.
    folder: Option<PathBuf>,
}

/// A file that was found.
pub(super) struct File {
    pub(super) content: Bytes,
    pub(super) origin: Origin,
    /// Of a localised file, the folder it is in.
    pub(super) subfolder: Option<String>,
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The program's.
    BuiltIn,
    /// The app's own.
    Folder,
}

/// A path below the folder, of names that lead nowhere else.
pub(super) struct SafePath(String);

impl SafePath {
    /// Decodes a path of a URL.
    pub(super) fn of_url(path: &str) -> Option<Self> {
        let names: Option<Vec<Cow<'_, str>>> =
            path.split('/').map(|name| percent_decode_str(name).decode_utf8().ok()).collect();
        Self::of_names(names?.iter().map(AsRef::as_ref))
    }

    /// A path with `/` between its names.
    pub(super) fn of_text(path: &str) -> Option<Self> {
        Self::of_names(path.split('/'))
    }

    /// No name is empty, hidden, or means another place.
    fn of_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut path = String::new();
        for name in names {
            if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0', ':']) {
                return None;
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(name);
        }
        Some(Self(path))
    }

    fn within(&self, subfolder: &str) -> Self {
        Self(format!("{subfolder}/{}", self.0))
    }

    /// What its name ends in.
    pub(super) fn extension(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Files {
    pub(super) fn try_new(folder: Option<&Path>) -> Result<Self, PagesError> {
        let canonical = |folder: &Path| {
            let canonical = folder.canonicalize()?;
            std::fs::read_dir(&canonical).map(|_| canonical)
        };
        let folder =
            folder.map(|folder| canonical(folder).map_err(|error| PagesError::Folder(folder.to_owned(), error)));
        Ok(Self { folder: folder.transpose()? })
    }

    /// One file.
    pub(super) async fn read(&self, path: &SafePath) -> Option<File> {
        match self.read_own(path).await {
            Some(content) => Some(File { content, origin: Origin::Folder, subfolder: None }),
            None => built_in(path),
        }
    }

    /// A file for a locale, for its language, or for everybody. An app that has its own page for everybody means it for
    /// everybody: the program's translations come last.
    pub(super) async fn localized(&self, path: &SafePath, locale: &Locale) -> Option<File> {
        let subfolders = [locale.as_str(), locale.language()];
        for subfolder in subfolders {
            if let Some(content) = self.read_own(&path.within(subfolder)).await {
                return Some(File { content, origin: Origin::Folder, subfolder: Some(subfolder.to_owned()) });
            }
        }
        if let Some(content) = self.read_own(path).await {
            return Some(File { content, origin: Origin::Folder, subfolder: None });
        }
        let translated = subfolders.into_iter().find_map(|subfolder| {
            let file = built_in(&path.within(subfolder))?;
            Some(File { subfolder: Some(subfolder.to_owned()), ..file })
        });
        translated.or_else(|| built_in(path))
    }

    /// A file of the folder. A link that leads out of it leads nowhere.
    async fn read_own(&self, path: &SafePath) -> Option<Bytes> {
        let folder = self.folder.as_deref()?;
        let path = tokio::fs::canonicalize(folder.join(&path.0)).await.ok()?;
        if !path.starts_with(folder) {
            return None;
        }
        let metadata = tokio::fs::metadata(&path).await.ok()?;
        if !metadata.is_file() || metadata.len() > MAX_FILE {
            return None;
        }
        tokio::fs::read(&path).await.ok().map(Bytes::from)
    }
}

fn built_in(path: &SafePath) -> Option<File> {
    let page = built_in::page(&path.0)?;
    Some(File { content: Bytes::from_static(page.as_bytes()), origin: Origin::BuiltIn, subfolder: None })
}
