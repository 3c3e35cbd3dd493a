//! The pages that links in mails lead to: an address is verified, a new password is chosen.
//!
//! They are for people with any browser: no script is needed, and none runs that did not come with the page. A page holds a
//! secret, the token of its link; so nothing of it is kept by caches, told to other sites, or shown in a frame that was not
//! asked for ([`policy`]). What a link is worth is decided by auth; here is only what its reader is shown.
//!
//! A request passes [`route`] (which page is meant), [`visit`] (what came along), [`answers`] (what is to be shown), and
//! [`show`] (how), which takes the page from [`files`].

mod answers;
mod built_in;
mod files;
mod locale;
mod params;
mod policy;
mod route;
mod show;
mod translations;
mod visit;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use parsefleet_runtime::config::Config;

use self::{files::Files, policy::Policy, translations::Translations};
pub(crate) use self::{route::PageRoute, visit::Visit};
use crate::{backend::AuthBackend, verb::Verb};

/// What all pages share.
pub(crate) struct Pages {
    config: Arc<Config>,
    auth: Arc<AuthBackend>,
    files: Files,
    translations: Translations,
    policy: Policy,
}

/// Why the pages cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// There is no such folder.
    #[error("pages.pagesPath: cannot use the folder {0}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// The translations cannot be read.
    #[error("pages.localizationJsonPath: failed to load JSON file {0}: {1}")]
    Translations(PathBuf, String),
}

impl Pages {
    /// Reads what is to be read once.
    pub(crate) fn try_new(config: Arc<Config>, auth: Arc<AuthBackend>) -> Result<Self, PagesError> {
        Ok(Self {
            auth,
            files: Files::try_new(config.pages.folder.as_deref())?,
            translations: Translations::try_new(&config.pages)?,
            policy: Policy::new(&config),
            config,
        })
    }

    /// The page that is meant, if it is one. The path starts after the mount path.
    pub(crate) fn find<'a>(&'a self, verb: &Verb, path: &'a str) -> Option<PageRoute<'a>> {
        PageRoute::find(verb, path, &self.config.pages)
    }
}
