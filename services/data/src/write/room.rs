//! What writes need before they can be part of a transaction: classes, fields and collections, which are made outside of
//! one.

use std::{collections::BTreeSet, sync::Arc};

use parsefleet_core::{ClassName, ErrorCode, FieldName, error::Result, schema::TypedField, update::RelationChange};
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
            let (class, types) = (demand.class().clone(), demand.types().to_vec());
            self.schema.extend(&class, &types, &mut |class| demand.check(class)).await?;
            for collection in demand.collections() {
                if collections.insert(collection.as_str().to_owned()) {
                    self.store.prepare_class(&collection).await.map_err(parse_error)?;
                }
            }
        }
        Ok(())
    }
}

fn joins(class: &ClassName, relations: &[(FieldName, RelationChange)]) -> Vec<ClassName> {
    relations.iter().filter_map(|(key, _)| ClassName::new(&format!("_Join:{key}:{class}"))).collect()
}
