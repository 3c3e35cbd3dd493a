//! MongoDB's order of objects.

use std::cmp::Ordering;

use super::SortKey;
use crate::Object;

/// How MongoDB orders two objects by these keys.
pub fn compare(_keys: &[SortKey], _left: &Object, _right: &Object) -> Ordering {
    todo!()
}
