//! Geography as MongoDB computes it: on a flat map for `$box` and `$polygon`, on a sphere for the rest.

use crate::{Value, value::GeoPoint};

mod sphere;

pub use sphere::distance;
pub(super) use sphere::in_sphere;

use super::stored::{member, members};

/// The place that a stored value names in MongoDB's old form: a pair of numbers, or an object that begins with two.
pub(super) fn legacy_point(value: &Value) -> Option<GeoPoint> {
    let members;
    let mut numbers: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(object) => Box::new(object.iter().map(|(_, value)| value)),
        _ => {
            members = self::members(value)?;
            Box::new(members.iter().map(|(_, value)| value))
        }
    };
    let (Some(Value::Number(longitude)), Some(Value::Number(latitude))) = (numbers.next(), numbers.next()) else {
        return None;
    };
    Some(GeoPoint { latitude: *latitude, longitude: *longitude })
}

/// The place that a stored value names, in the old form or as a GeoJSON point.
pub(super) fn flat_point(value: &Value) -> Option<GeoPoint> {
    legacy_point(value).or_else(|| geo_json(value, "Point").and_then(|coordinates| legacy_point(&coordinates)))
}

/// Whether the stored point or polygon touches the point.
pub(super) fn intersects(value: &Value, point: GeoPoint) -> bool {
    if let Some(place) = flat_point(value) {
        return sphere::is_at(place, point);
    }
    let Some(Value::Array(rings)) = geo_json(value, "Polygon") else { return false };
    let mut rings = rings.iter().map(ring);
    let Some(Some(outer)) = rings.next() else { return false };
    sphere::in_polygon(point, &outer) && rings.flatten().all(|hole| !sphere::inside(point, &hole))
}

fn geo_json(value: &Value, kind: &str) -> Option<Value> {
    let has_kind = matches!(member(value, "type").as_deref(), Some(Value::String(text)) if text == kind);
    if has_kind { member(value, "coordinates").map(|coordinates| coordinates.into_owned()) } else { None }
}

fn ring(value: &Value) -> Option<Vec<GeoPoint>> {
    let Value::Array(points) = value else { return None };
    points.iter().map(legacy_point).collect()
}

/// Whether the point is in the box or on its border. The corners may be given in any order.
pub(super) fn in_box(point: GeoPoint, first: GeoPoint, second: GeoPoint) -> bool {
    let between = |value: f64, one: f64, other: f64| value >= one.min(other) && value <= one.max(other);
    between(point.longitude, first.longitude, second.longitude)
        && between(point.latitude, first.latitude, second.latitude)
}

/// Whether the point is in the polygon on a flat map, by counting the edges west to east of it. Points on the border are in
/// or out as MongoDB's own counting has it.
pub(super) fn in_polygon(point: GeoPoint, vertices: &[GeoPoint]) -> bool {
    let (x, y) = (point.longitude, point.latitude);
    let mut inside = false;
    for (place, from) in vertices.iter().enumerate() {
        let to = &vertices[(place + 1) % vertices.len()];
        let (low, high) = (from.latitude.min(to.latitude), from.latitude.max(to.latitude));
        if y <= low || y > high || x > from.longitude.max(to.longitude) {
            continue;
        }
        let slope = (to.longitude - from.longitude) / (to.latitude - from.latitude);
        if from.longitude == to.longitude || x <= (y - from.latitude) * slope + from.longitude {
            inside = !inside;
        }
    }
    inside
}
