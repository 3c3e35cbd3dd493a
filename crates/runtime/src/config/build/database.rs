//! Where objects live.

use std::path::PathBuf;

use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use super::Builder;
use crate::config::{Database, options, value};

impl Builder<'_> {
    pub(super) fn database(&mut self) -> Database {
        let uri = self.settings.text("databaseURI");
        if let Some(uri) = &uri {
            self.check_uri(uri);
        }
        let options = self.database_options();
        if uri.is_none() && self.settings.is_given("collectionPrefix") {
            self.problem("collectionPrefix needs databaseURI: the embedded store has no collections to share");
        }
        Database {
            uri: uri.map(SecretString::from),
            options,
            collection_prefix: self.settings.text("collectionPrefix").unwrap_or_default(),
            data_dir: PathBuf::from(self.settings.text("dataDir").unwrap_or_default()),
        }
    }

    fn check_uri(&mut self, uri: &str) {
        let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "mongodb" | "mongodb+srv" => {}
            "postgres" | "postgresql" => self.problem(
                "databaseURI names PostgreSQL, which is not implemented: give a mongodb:// URI, or none to use the \
                 embedded store",
            ),
            _ => self.problem("databaseURI must start with mongodb:// or mongodb+srv://"),
        }
    }

    /// `databaseOptions`, each member in its own kind.
    fn database_options(&mut self) -> Map<String, Json> {
        let members = match self.settings.value("databaseOptions") {
            None => return Map::new(),
            Some(Json::Object(members)) => members,
            Some(_) => {
                self.problem("databaseOptions must be an object");
                return Map::new();
            }
        };
        let mut checked = Map::new();
        for (name, given) in members {
            let specification = options::find("databaseOptions").and_then(|option| option.member(&name));
            match specification.map(|member| value::from_json(member, &given)) {
                Some(Ok(value)) => {
                    checked.insert(name, value);
                }
                Some(Err(problem)) => self.problem(format!("databaseOptions: {problem}")),
                // Unknown members have been reported with the unknown options.
                None => {}
            }
        }
        checked
    }
}
