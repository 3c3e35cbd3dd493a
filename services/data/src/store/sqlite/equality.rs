//! MongoDB's equality of two values: numbers by value, members in order.

use bson::Bson;

/// Whether MongoDB takes the values for equal.
pub(super) fn equal(left: &Bson, right: &Bson) -> bool {
    match (left, right) {
        (Bson::Document(left), Bson::Document(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|((left_key, left), (right_key, right))| left_key == right_key && equal(left, right))
        }
        (Bson::Array(left), Bson::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Bson::Double(left), Bson::Double(right)) => left == right || (left.is_nan() && right.is_nan()),
        _ => match (whole(left), whole(right)) {
            (Some(left), Some(right)) => left == right,
            (Some(whole), None) => is_whole(right, whole),
            (None, Some(whole)) => is_whole(left, whole),
            (None, None) => left == right,
        },
    }
}

fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        _ => None,
    }
}

/// Whether a double is exactly this whole number.
fn is_whole(value: &Bson, whole: i64) -> bool {
    match value {
        Bson::Double(number) => *number == whole as f64 && *number as i128 == i128::from(whole),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bson::bson;

    use super::*;

    #[test]
    fn numbers_are_equal_by_value_and_members_by_order() {
        assert!(equal(&bson!(1), &bson!(1.0)));
        assert!(equal(&bson!(1_i64), &bson!(1)));
        assert!(!equal(&bson!(i64::MAX), &bson!(i64::MAX as f64)));
        assert!(!equal(&bson!(1), &bson!("1")));
        assert!(!equal(&bson!(1), &bson!(true)));
        assert!(equal(&bson!({"a": 1, "b": [2]}), &bson!({"a": 1.0, "b": [2_i64]})));
        assert!(!equal(&bson!({"a": 1, "b": 2}), &bson!({"b": 2, "a": 1})));
    }
}
