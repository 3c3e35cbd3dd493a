//! What writes need before they can be part of a transaction: classes, fields and collections, which are made outside of
//! one.

use std::{collections::BTreeSet, sync::Arc};

use parsefleet_core::{
    ClassName, ErrorCode, FieldName, FieldType, error::Result, schema::TypedField, update::RelationChange,
};
use parsefleet_proto::v1::{Operation, operation::Operation as Kind};

use super::{create::NewDraft, update::ChangeDraft};
use crate::{error::parse_error, schema::Class, service::DataService};

/// A write that demands something.
enum Demand {
    New(NewDraft),
    Change(ChangeDraft),
}

impl Demand {
    fn class(&self) -> &ClassName {
        match self {
            Self::New(draft) => &draft.class_name,
            Self::Change(draft) => &draft.class_name,
        }
    }

    fn types(&self) -> &[TypedField] {
        match self {
            Self::New(draft) => &draft.new.types,
            Self::Change(draft) => &draft.change.types,
        }
    }

    /// Collections that it may have to put the first document into.
    fn collections(&self) -> Vec<ClassName> {
        match self {
            Self::New(draft) => {
                let mut collections = joins(&draft.class_name, &draft.new.relations);
                collections.push(draft.class_name.clone());
                collections
            }
            Self::Change(draft) => joins(&draft.class_name, &draft.change.update.relations),
        }
    }

    /// Whether a trigger decides what is written.
    fn is_open(&self) -> bool {
        match self {
            Self::New(draft) => draft.is_open(),
            Self::Change(draft) => draft.is_open(),
        }
    }

    fn has_class(&self) -> bool {
        match self {
            Self::New(draft) => draft.checked.is_some(),
            Self::Change(_) => true,
        }
    }

    fn check(&mut self, class: &Arc<Class>) -> Result<()> {
        match self {
            Self::New(draft) => draft.check(class),
            Self::Change(draft) => draft.check(class),
        }
    }
}

impl DataService {
    /// Makes room for the writes among these operations. All permissions are asked before anything is made, so that a refused
    /// write leaves no trace.
    ///
    /// # Errors
    /// What is wrong with a write as it stands, whatever the database holds.
    pub(crate) async fn make_room(&self, operations: &[Operation]) -> Result<()> {
        let mut demands: Vec<Demand> = Vec::new();
        for operation in operations {
            match &operation.operation {
                Some(Kind::Create(request)) => demands.push(Demand::New(self.draft_new(request).await?)),
                Some(Kind::Update(request)) => match self.draft_change(request).await {
                    Ok(draft) => demands.push(Demand::Change(draft)),
                    // An earlier operation is going to make the class.
                    Err(error)
                        if error.code == ErrorCode::ObjectNotFound
                            && demands.iter().any(|demand| demand.class().as_str() == request.class_name) => {}
                    Err(error) => return Err(error),
                },
                Some(Kind::Get(_) | Kind::Find(_) | Kind::Delete(_)) | None => {}
            }
        }
        let mut collections = BTreeSet::new();
        for mut demand in demands {
            if demand.is_open() {
                // What its trigger makes of it is found to be missing in the midst of the transaction, and made then.
                if !demand.has_class() {
                    continue;
                }
            } else {
                let (class, types) = (demand.class().clone(), demand.types().to_vec());
                self.schema.extend(&class, &types, &mut |class| demand.check(class)).await?;
            }
            for collection in demand.collections() {
                if collections.insert(collection.as_str().to_owned()) {
                    self.store.prepare_class(&collection).await.map_err(parse_error)?;
                }
            }
        }
        Ok(())
    }

    /// Makes what a write lacked that has been permitted.
    ///
    /// # Errors
    /// 111 if a field has another type.
    pub(crate) async fn make_up(&self, class: &ClassName, types: &[TypedField]) -> Result<()> {
        self.schema.extend(class, types, &mut |_| Ok(())).await?;
        for collection in std::iter::once(class.clone()).chain(joins_of_types(class, types)) {
            self.store.prepare_class(&collection).await.map_err(parse_error)?;
        }
        Ok(())
    }
}

fn joins_of_types(class: &ClassName, types: &[TypedField]) -> Vec<ClassName> {
    let relations = types.iter().filter(|field| matches!(field.field_type, FieldType::Relation(_)));
    relations.filter_map(|field| ClassName::new(&format!("_Join:{}:{class}", field.name))).collect()
}

fn joins(class: &ClassName, relations: &[(FieldName, RelationChange)]) -> Vec<ClassName> {
    relations.iter().filter_map(|(key, _)| ClassName::new(&format!("_Join:{key}:{class}"))).collect()
}
