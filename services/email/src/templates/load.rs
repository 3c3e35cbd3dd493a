//! Reads templates: those in a folder, those that the adapter names, and those that are built in. All of it happens at the
//! start, so that nothing can be missing when a mail is due.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use parsefleet_mustache::Template;
use parsefleet_runtime::config::{self, MailText};

use super::{KindTemplates, Layer, Part, locale::Locale};

/// What is built in for a kind of mail, and the name of its files.
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pub(super) subject: &'static str,
    pub(super) text: &'static str,
    pub(super) html: &'static str,
}

/// Reads, and collects what is wrong.
pub(super) struct Loader<'a> {
    folder: Option<&'a Path>,
    pub(super) problems: Vec<String>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        let mut loader = Self { folder, problems: Vec::new() };
        if let Some(folder) = folder
            && let Err(error) = fs::read_dir(folder)
        {
            loader.problems.push(format!("PARSEFLEET_MAIL_TEMPLATES, {}: {error}", folder.display()));
        }
        loader
    }

    pub(super) fn kind(&mut self, given: &config::MailTemplate, built_in: &BuiltIn) -> KindTemplates {
        let name = built_in.name;
        KindTemplates {
            subject: self.part(&format!("{name}.subject.txt"), given.subject.as_ref(), built_in.subject),
            text: self.part(&format!("{name}.txt"), given.text.as_ref(), built_in.text),
            html: self.part(&format!("{name}.html"), given.html.as_ref(), built_in.html),
            placeholders: given.placeholders.clone(),
            at_provider: given.at_provider.clone(),
        }
    }

    fn part(&mut self, file: &str, given: Option<&MailText>, built_in: &str) -> Part {
        let mut layers = Vec::new();
        if let Some(folder) = self.folder {
            let layer = self.files(&folder.join(file), false);
            layers.extend((layer.general.is_some() || !layer.by_locale.is_empty()).then_some(layer));
        }
        match given {
            Some(MailText::Inline(text)) => {
                let general = self.template("emailAdapter", text);
                layers.push(Layer { general, by_locale: HashMap::new() });
            }
            Some(MailText::ByLocale(texts)) => layers.push(self.by_locale(texts)),
            Some(MailText::File(path)) => layers.push(self.files(path, true)),
            None => {}
        }
        let built_in = self.template("built in", built_in);
        Part { layers, built_in }
    }

    fn by_locale(&mut self, texts: &std::collections::BTreeMap<String, String>) -> Layer {
        let mut layer = Layer { general: None, by_locale: HashMap::new() };
        for (name, text) in texts {
            let template = self.template(&format!("emailAdapter, {name}"), text);
            match (name.as_str(), Locale::parse(name), template) {
                ("default", _, template) => layer.general = template,
                (_, Some(locale), Some(template)) => drop(layer.by_locale.insert(locale, template)),
                (_, Some(_), None) => {}
                (_, None, _) => self.problems.push(format!("emailAdapter: {name} is no language")),
            }
        }
        layer
    }

    /// A file, and those of the same name in folders beside it that are named as languages.
    fn files(&mut self, path: &Path, is_required: bool) -> Layer {
        let mut layer = Layer { general: self.file(path, is_required), by_locale: HashMap::new() };
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return layer };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // What cannot be read was said of the file itself, or of the folder.
        let Ok(entries) = fs::read_dir(folder) else { return layer };
        let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        folders.sort();
        for folder in folders.into_iter().filter(|entry| entry.is_dir()) {
            let locale = folder.file_name().and_then(|name| Locale::parse(name.to_str()?));
            let Some(locale) = locale else { continue };
            if let Some(template) = self.file(&folder.join(name), false) {
                layer.by_locale.insert(locale, template);
            }
        }
        layer
    }

    fn file(&mut self, path: &Path, is_required: bool) -> Option<Template> {
        let shown = path.display();
        match fs::read_to_string(path) {
            Ok(text) => self.template(&shown.to_string(), &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_required => None,
            Err(error) => {
                self.problems.push(format!("{shown}: {error}"));
                None
            }
        }
    }

    fn template(&mut self, place: &str, text: &str) -> Option<Template> {
        if text.contains("{%") {
            self.problems.push(format!("{place}: {{% %}} is not Mustache"));
            return None;
        }
        // Editors end a file with a line end, which is none of the mail.
        match Template::parse(text.trim_end()) {
            Ok(template) => Some(template),
            Err(error) => {
                self.problems.push(format!("{place}: {error}"));
                None
            }
        }
    }
}
