//! Documents as the JSON that the caller may see.

use std::collections::HashMap;

use bson::{Bson, Document, RawBsonRef, RawDocument};
use parsefleet_core::{error::Result, value::write_json_string};

use super::{Reader, fields::Fields};
use crate::{
    caller::Caller,
    codec::{self, CorruptDocument, FileUrls, Identities, Includes, JsonReader, ReadView},
    error::corrupt_document,
    policy::Visibility,
    schema::Class,
    service::DataService,
    store::Documents,
};

/// What an answer shows besides the documents themselves.
#[derive(Clone, Copy)]
pub(super) struct Site<'s> {
    pub(super) fields: &'s Fields,
    /// URL under which clients reach the API.
    pub(super) mount_url: &'s str,
    pub(super) includes: Option<&'s Includes>,
}

/// Prints documents of one class for one caller.
pub(super) struct Printer<'p> {
    class: &'p Class,
    selected: Option<&'p [String]>,
    visibility: Visibility,
    owner_exempt: bool,
    reader: codec::Reader,
    user_id: Option<&'p str>,
    files: FileUrls,
    identities: &'p Identities,
    includes: Option<&'p Includes>,
    met_unknown_columns: bool,
}

impl Reader<'_> {
    /// Prints documents as the caller may see them. If they have columns that the class does not, and the class has changed,
    /// they are printed once more.
    pub(super) async fn print<T>(
        &self,
        class: &Class,
        site: Site<'_>,
        print: impl Fn(&mut Printer<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut printer = self.printer(class, site);
        let printed = print(&mut printer)?;
        if !printer.met_unknown_columns {
            return Ok(printed);
        }
        match self.service.schema.newer_class(class).await? {
            Some(class) => print(&mut self.printer(&class, site)),
            None => Ok(printed),
        }
    }

    fn printer<'p>(&'p self, class: &'p Class, site: Site<'p>) -> Printer<'p> {
        let settings = &self.service.settings;
        Printer {
            class,
            selected: site.fields.selected.as_deref(),
            visibility: class.protected.visibility(self.caller),
            owner_exempt: settings.protected_fields_owner_exempt,
            reader: match self.caller {
                Caller::Public => codec::Reader::Public,
                Caller::User(user) => codec::Reader::User(user.id().to_owned()),
                Caller::Maintenance => codec::Reader::Maintenance,
                Caller::ReadOnlyMaster | Caller::Master => codec::Reader::Master,
            },
            user_id: self.caller.user().map(|user| user.id()),
            files: self.service.file_urls(site.mount_url),
            identities: &settings.identities,
            includes: site.includes,
            met_unknown_columns: false,
        }
    }
}

impl DataService {
    /// How the names of files become URLs for a client that reaches the API here.
    pub(super) fn file_urls(&self, mount_url: &str) -> FileUrls {
        FileUrls {
            mount_url: mount_url.to_owned(),
            app_id: self.settings.app_id.clone(),
            file_key: self.settings.file_key.clone(),
        }
    }
}

impl Printer<'_> {
    /// One object.
    pub(super) fn object(&mut self, document: &RawDocument) -> Result<Vec<u8>> {
        let mut body = Vec::with_capacity(document.as_bytes().len() * 2);
        self.each(std::iter::once(document), |printer, document| printer.write(&mut body, document))?;
        Ok(body)
    }

    /// `{"results":[…],"count":n}`; with a class name, each object carries it.
    pub(super) fn results(
        &mut self,
        documents: &Documents,
        class_name: Option<&str>,
        count: Option<u64>,
    ) -> Result<Vec<u8>> {
        let mut body = Vec::with_capacity(documents.byte_len() * 3 / 2 + 64);
        body.extend_from_slice(br#"{"results":["#);
        let mut tail = Vec::new();
        if let Some(class_name) = class_name {
            tail.extend_from_slice(br#""className":"#);
            write_json_string(class_name, &mut tail);
        }
        let mut is_first = true;
        self.each(documents.iter(), |printer, document| {
            if !std::mem::take(&mut is_first) {
                body.push(b',');
            }
            printer.write_with(&mut body, document, &tail)
        })?;
        body.push(b']');
        if let Some(count) = count {
            body.extend_from_slice(br#","count":"#);
            body.extend_from_slice(count.to_string().as_bytes());
        }
        body.push(b'}');
        Ok(body)
    }

    /// Objects as they stand in the place of a pointer, by id.
    pub(super) fn included(&mut self, documents: &Documents) -> Result<HashMap<String, Vec<u8>>> {
        let mut objects = HashMap::with_capacity(documents.len());
        self.each(documents.iter(), |printer, document| {
            let mut json = Vec::with_capacity(document.as_bytes().len() * 2);
            printer.write_included(&mut json, document)?;
            objects.insert(document.get_str("_id").unwrap_or_default().to_owned(), json);
            Ok(())
        })?;
        Ok(objects)
    }

    /// Hands each document out with the printer that shows of it what the caller may see.
    fn each<'d>(
        &mut self,
        documents: impl Iterator<Item = &'d RawDocument>,
        mut print: impl FnMut(&mut JsonReader<'_>, &RawDocument) -> Result<(), CorruptDocument>,
    ) -> Result<()> {
        let mut printer = JsonReader::new(self.view(&self.visibility.hidden));
        for document in documents {
            match self.narrowed(document) {
                None => print(&mut printer, document),
                Some(hidden) => print(&mut JsonReader::new(self.view(&hidden)), document),
            }
            .map_err(corrupt_document)?;
        }
        let met_unknown_columns = printer.met_unknown_columns();
        self.met_unknown_columns = met_unknown_columns;
        Ok(())
    }

    fn view<'v>(&'v self, hidden: &'v [String]) -> ReadView<'v> {
        ReadView {
            schema: &self.class.schema,
            selected: self.selected,
            hidden,
            owner_exempt: self.owner_exempt,
            reader: &self.reader,
            files: &self.files,
            identities: self.identities,
            includes: self.includes,
        }
    }

    /// What is still hidden of an object that points to the caller; `None` if it does not.
    fn narrowed(&self, document: &RawDocument) -> Option<Vec<String>> {
        let user_id = self.user_id?;
        let mut hidden: Option<Vec<String>> = None;
        for (field, still_hidden) in &self.visibility.hidden_for_user_in {
            if points_to(document, field, user_id) {
                let before = hidden.as_ref().unwrap_or(&self.visibility.hidden);
                hidden = Some(before.iter().filter(|name| still_hidden.contains(name)).cloned().collect());
            }
        }
        hidden
    }
}

/// Whether a field is a pointer to the user or an array that holds one.
pub(super) fn points_to(document: &RawDocument, field: &str, user_id: &str) -> bool {
    if let Ok(pointer) = document.get_str(format!("_p_{field}")) {
        return pointer.strip_prefix("_User$") == Some(user_id);
    }
    let Ok(items) = document.get_array(field) else { return false };
    items.into_iter().flatten().any(|item| match item {
        RawBsonRef::Document(item) => {
            item.get_str("__type").ok() == Some("Pointer")
                && item.get_str("className").ok() == Some("_User")
                && item.get_str("objectId").ok() == Some(user_id)
        }
        _ => false,
    })
}

/// A query's plan in the place of its results.
pub(super) fn plan(plan: Option<Document>, count: Option<u64>) -> Vec<u8> {
    let results = plan.map_or_else(|| serde_json::json!([]), |plan| Bson::Document(plan).into_relaxed_extjson());
    let mut answer = serde_json::json!({ "results": results });
    if let Some(count) = count {
        answer["count"] = count.into();
    }
    answer.to_string().into_bytes()
}
