//! The options of an aggregation: what is not one of them is its pipeline.

use bytes::Bytes;
use parsefleet_core::ParseError;
use parsefleet_proto::v1::{AggregateRequest, DistinctRequest};
use serde_json::Value;

use super::Parameters;
use crate::javascript::Loose;

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Aggregation {
    Pipeline(AggregateRequest),
    Distinct(DistinctRequest),
}

impl Parameters<'_> {
    /// What an aggregation was asked for.
    ///
    /// # Errors
    /// 107 for a `where` of distinct values that is not a JSON object.
    pub(crate) fn into_aggregation(mut self) -> Result<Aggregation, ParseError> {
        let mut request = AggregateRequest::default();
        if let Some(hint) = self.take_truthy("hint").filter(|hint| hint.is_string() || hint.is_object()) {
            request.hint = hint.to_json();
        }
        if let Some(explain) = self.take_truthy("explain") {
            request.explain = explain.to_json();
        }
        if let Some(comment) = self.take_truthy("comment") {
            request.comment = comment.as_string().unwrap_or_default().into_owned();
        }
        if let Some(preference) = self.take_truthy("readPreference") {
            request.read_preference = preference.to_text().to_ascii_uppercase();
        }
        request.raw_values = self.take_boolean("rawValues");
        request.raw_field_names = self.take_boolean("rawFieldNames");
        request.pipeline = self.pipeline();
        Ok(match self.truthy("distinct") {
            Some(field) => Aggregation::Distinct(DistinctRequest {
                field: field.to_text().into_owned(),
                r#where: self.conditions()?,
                pipeline: request.pipeline,
                ..DistinctRequest::default()
            }),
            None => Aggregation::Pipeline(request),
        })
    }

    /// `pipeline`, or everything that is left.
    fn pipeline(&self) -> Bytes {
        if let Some(pipeline) = self.truthy("pipeline") {
            return pipeline.to_json();
        }
        let mut object = vec![b'{'];
        for (name, value) in &self.0 {
            if object.len() > 1 {
                object.push(b',');
            }
            object.extend_from_slice(Value::from(&**name).to_string().as_bytes());
            object.push(b':');
            object.extend_from_slice(&value.to_json());
        }
        object.push(b'}');
        object.into()
    }

    fn take_truthy(&mut self, name: &str) -> Option<Loose<'_>> {
        self.truthy(name)?;
        self.0.shift_remove(name)
    }

    fn take_boolean(&mut self, name: &str) -> Option<bool> {
        self.get(name).filter(|value| matches!(value.as_json(), "true" | "false"))?;
        self.0.shift_remove(name).map(|value| value.is_truthy())
    }
}
