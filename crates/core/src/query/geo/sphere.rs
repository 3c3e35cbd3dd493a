//! Geography on the unit sphere.

use crate::value::GeoPoint;

/// Within this angle (a few centimetres on Earth) two places are one, as cells of MongoDB's index are.
const SAME_PLACE: f64 = 3e-9;

/// The great-circle distance in radians.
pub fn distance(from: GeoPoint, to: GeoPoint) -> f64 {
    let (from_latitude, to_latitude) = (from.latitude.to_radians(), to.latitude.to_radians());
    let latitude = ((to_latitude - from_latitude) / 2.0).sin();
    let longitude = ((to.longitude - from.longitude).to_radians() / 2.0).sin();
    let chord = latitude * latitude + longitude * longitude * from_latitude.cos() * to_latitude.cos();
    2.0 * chord.sqrt().min(1.0).asin()
}

/// Whether the point is in the cap around a centre.
pub(super) fn in_cap(point: GeoPoint, center: GeoPoint, radius: f64) -> bool {
    let chord = subtract(vector(point), vector(center));
    // Compared by the height of the cap, as MongoDB does, so that rounding falls on the same side.
    let height = if radius >= std::f64::consts::PI { 2.0 } else { 2.0 * (radius / 2.0).sin().powi(2) };
    dot(chord, chord) <= 2.0 * height
}

pub(super) fn is_at(one: GeoPoint, other: GeoPoint) -> bool {
    distance(one, other) <= SAME_PLACE
}

/// Whether the point is inside a closed ring or on its border.
pub(super) fn in_polygon(point: GeoPoint, ring: &[GeoPoint]) -> bool {
    on_border(point, ring) || inside(point, ring)
}

/// Whether the point is inside a closed ring. A ring has two sides on a sphere: the smaller is the inner one.
pub(super) fn inside(point: GeoPoint, ring: &[GeoPoint]) -> bool {
    let vertices: Vec<Vector> = open(ring).iter().map(|vertex| vector(*vertex)).collect();
    if vertices.len() < 3 {
        return false;
    }
    let winding = winding(vector(point), &vertices);
    if area(&vertices) >= 0.0 { winding > std::f64::consts::PI } else { winding < -std::f64::consts::PI }
}

fn on_border(point: GeoPoint, ring: &[GeoPoint]) -> bool {
    let point = vector(point);
    ring.windows(2).any(|edge| on_edge(point, vector(edge[0]), vector(edge[1])))
}

/// Whether the point lies on the shortest way between two others.
fn on_edge(point: Vector, from: Vector, to: Vector) -> bool {
    let normal = cross(from, to);
    let length = dot(normal, normal).sqrt();
    if length < f64::EPSILON {
        return angle(point, from) <= SAME_PLACE;
    }
    let off_circle = (dot(point, normal) / length).abs() <= SAME_PLACE;
    let span = angle(from, to) + 2.0 * SAME_PLACE;
    off_circle && angle(from, point) <= span && angle(point, to) <= span
}

/// How far the ring turns around the point, counter-clockwise positive: ±2π around a point inside.
fn winding(point: Vector, vertices: &[Vector]) -> f64 {
    edges(vertices).map(|(from, to)| turn(point, from, to)).sum()
}

/// The angle at `point` between the ways to `from` and `to`.
fn turn(point: Vector, from: Vector, to: Vector) -> f64 {
    let (first, second) = (cross(point, from), cross(point, to));
    dot(point, cross(first, second)).atan2(dot(first, second))
}

/// The signed area of the smaller side: positive if the ring runs counter-clockwise around it.
fn area(vertices: &[Vector]) -> f64 {
    let origin = vertices[0];
    let total: f64 = edges(vertices).map(|(from, to)| triangle(origin, from, to)).sum();
    let sphere = 4.0 * std::f64::consts::PI;
    let wrapped = total.rem_euclid(sphere);
    if wrapped > sphere / 2.0 { wrapped - sphere } else { wrapped }
}

/// The signed area of a spherical triangle.
fn triangle(a: Vector, b: Vector, c: Vector) -> f64 {
    2.0 * dot(a, cross(b, c)).atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

/// The ring without the repetition of its first vertex.
fn open(ring: &[GeoPoint]) -> &[GeoPoint] {
    match ring {
        [first, inner @ .., last] if !inner.is_empty() && first == last => &ring[..ring.len() - 1],
        _ => ring,
    }
}

fn edges(vertices: &[Vector]) -> impl Iterator<Item = (Vector, Vector)> {
    let next = vertices.iter().cycle().skip(1);
    vertices.iter().zip(next).map(|(from, to)| (*from, *to))
}

type Vector = [f64; 3];

fn vector(point: GeoPoint) -> Vector {
    let (latitude, longitude) = (point.latitude.to_radians(), point.longitude.to_radians());
    [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
}

fn subtract(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn angle(a: Vector, b: Vector) -> f64 {
    let normal = cross(a, b);
    dot(normal, normal).sqrt().atan2(dot(a, b))
}
