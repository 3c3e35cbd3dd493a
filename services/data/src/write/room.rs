//! What writes need before they can be part of a transaction: classes, fields and collections, which are made outside of
//! one.

use std::collections::BTreeSet;

use parsefleet_core::{ClassName, ErrorCode, FieldName, error::Result, schema::TypedField, update::RelationChange};
use parsefleet_proto::v1::{CreateRequest, Operation, UpdateRequest, operation::Operation as Kind};

use crate::{error::parse_error, service::DataService};

/// What one write demands.
struct Demand {
    class: ClassName,
    types: Vec<TypedField>,
    /// Collections that it may have to put the first document into.
    collections: Vec<ClassName>,
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
                Some(Kind::Create(request)) => demands.push(self.demand_of_new(request).await?),
                Some(Kind::Update(request)) => match self.demand_of_change(request).await {
                    Ok(demand) => demands.push(demand),
                    // An earlier operation is going to make the class.
                    Err(error)
                        if error.code == ErrorCode::ObjectNotFound
                            && demands.iter().any(|demand| demand.class.as_str() == request.class_name) => {}
                    Err(error) => return Err(error),
                },
                Some(Kind::Get(_) | Kind::Find(_) | Kind::Delete(_)) | None => {}
            }
        }
        let mut collections = BTreeSet::new();
        for Demand { class, types, collections: needed } in demands {
            self.schema.extend(&class, &types).await?;
            for collection in needed {
                if collections.insert(collection.as_str().to_owned()) {
                    self.store.prepare_class(&collection).await.map_err(parse_error)?;
                }
            }
        }
        Ok(())
    }

    async fn demand_of_new(&self, request: &CreateRequest) -> Result<Demand> {
        let draft = self.draft_new(request).await?;
        let mut collections = joins(&draft.class_name, &draft.new.relations);
        collections.push(draft.class_name.clone());
        Ok(Demand { class: draft.class_name, types: draft.new.types, collections })
    }

    async fn demand_of_change(&self, request: &UpdateRequest) -> Result<Demand> {
        let draft = self.draft_change(request).await?;
        let collections = joins(&draft.class_name, &draft.change.update.relations);
        Ok(Demand { class: draft.class_name, types: draft.change.types, collections })
    }
}

fn joins(class: &ClassName, relations: &[(FieldName, RelationChange)]) -> Vec<ClassName> {
    relations.iter().filter_map(|(key, _)| ClassName::new(&format!("_Join:{key}:{class}"))).collect()
}
