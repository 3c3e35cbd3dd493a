//! Geography as MongoDB computes it: on a flat map for `$box` and `$polygon`, on a sphere for the rest.

use crate::{Value, value::GeoPoint};

mod sphere;

use super::stored::{member, members};
pub use sphere::distance;

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
    let Some((outer, holes)) = polygon(value) else { return false };
    sphere::in_polygon(point, &outer) && holes.iter().all(|hole| !sphere::inside(point, hole))
}

/// Whether the stored point or polygon is all within the angle `radius` of the centre.
pub(super) fn in_sphere(value: &Value, center: GeoPoint, radius: f64) -> bool {
    match flat_point(value) {
        Some(place) => sphere::in_cap(place, center, radius),
        None => {
            polygon(value).is_some_and(|(outer, _)| outer.iter().all(|vertex| sphere::in_cap(*vertex, center, radius)))
        }
    }
}

/// The outer ring and the holes of a GeoJSON polygon.
fn polygon(value: &Value) -> Option<(Vec<GeoPoint>, Vec<Vec<GeoPoint>>)> {
    let Some(Value::Array(rings)) = geo_json(value, "Polygon") else { return None };
    let (outer, holes) = rings.split_first()?;
    Some((ring(outer)?, holes.iter().map(ring).collect::<Option<_>>()?))
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

/// Whether the point is in the polygon on a flat map, by counting the edges east of it. Corners and level or upright edges
/// belong to the polygon; on slanted ones rounding decides, as in MongoDB.
pub(super) fn in_polygon(point: GeoPoint, vertices: &[GeoPoint]) -> bool {
    let mut inside = false;
    for (place, from) in vertices.iter().enumerate() {
        let to = vertices[(place + 1) % vertices.len()];
        if on_straight_edge(point, *from, to) {
            return true;
        }
        inside ^= is_west_of(point, *from, to);
    }
    inside
}

fn on_straight_edge(point: GeoPoint, from: GeoPoint, to: GeoPoint) -> bool {
    let (x, y) = (point.longitude, point.latitude);
    let upright = x == from.longitude && x == to.longitude;
    let level = y == from.latitude && y == to.latitude;
    point == from || point == to || ((upright || level) && in_box(point, from, to))
}

fn is_west_of(point: GeoPoint, from: GeoPoint, to: GeoPoint) -> bool {
    let (x, y) = (point.longitude, point.latitude);
    let beside = y > from.latitude.min(to.latitude) && y <= from.latitude.max(to.latitude);
    // In just this order of operations: which way it is rounded decides.
    let crossing = || (y - from.latitude) * (to.longitude - from.longitude) / (to.latitude - from.latitude);
    beside
        && x <= from.longitude.max(to.longitude)
        && (from.longitude == to.longitude || x <= crossing() + from.longitude)
}
