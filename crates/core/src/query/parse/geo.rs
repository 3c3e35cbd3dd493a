//! Geographic operators.

use serde_json::{Map as JsonMap, Value as Json};

use super::{invalid_json, operand};
use crate::{ParseError, error::Result, query::Constraint, value::GeoPoint};

const MILES: f64 = 3959.0;
const KILOMETRES: f64 = 6371.0;

/// `$nearSphere` with its greatest distance, which Parse Server takes from the last of these that is given.
pub(super) fn near(members: &JsonMap<String, Json>) -> Result<Constraint> {
    let place = members.get("$nearSphere").and_then(Json::as_object).and_then(operand::geo_point);
    let point = place.ok_or_else(|| invalid_json("bad $nearSphere value"))?;
    check_range(point)?;
    let mut max_distance = None;
    for (operator, radius) in [
        ("$maxDistanceInRadians", 1.0),
        ("$maxDistanceInMiles", MILES),
        ("$maxDistanceInKilometers", KILOMETRES),
        ("$maxDistance", 1.0),
    ] {
        if let Some(distance) = members.get(operator) {
            let distance = distance.as_f64().filter(|distance| *distance >= 0.0);
            max_distance = Some(distance.ok_or_else(|| invalid_json(format!("bad {operator} value")))? / radius);
        }
    }
    Ok(Constraint::Near { point, max_distance })
}

pub(super) fn within(value: &Json) -> Result<Constraint> {
    let corners = match value.get("$box").and_then(Json::as_array).map(Vec::as_slice) {
        Some([first, second]) => corner(first).zip(corner(second)),
        Some(_) | None => None,
    };
    let (first, second) = corners.ok_or_else(|| invalid_json("malformatted $within arg"))?;
    Ok(Constraint::WithinBox(first, second))
}

fn corner(json: &Json) -> Option<GeoPoint> {
    json.as_object().and_then(operand::geo_point)
}

/// `None` if the operand holds no shape.
pub(super) fn geo_within(value: &Json) -> Result<Option<Constraint>> {
    if let Some(polygon) = value.get("$polygon") {
        return geo_polygon(polygon).map(|points| Some(Constraint::WithinPolygon(points)));
    }
    if let Some(sphere) = value.get("$centerSphere") {
        return center_sphere(sphere).map(Some);
    }
    if value.is_object() { Ok(None) } else { Err(invalid_json("bad $geoWithin value")) }
}

fn geo_polygon(polygon: &Json) -> Result<Vec<GeoPoint>> {
    let (points, wanted) = match polygon {
        Json::Object(members) if members.get("__type").and_then(Json::as_str) == Some("Polygon") => {
            let points = members.get("coordinates").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            (points, "Polygon.coordinates should contain at least 3 lon/lat pairs")
        }
        Json::Array(points) => (points.as_slice(), "$polygon should contain at least 3 GeoPoints"),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => {
            let message = "bad $geoWithin value; $polygon should be Polygon object or Array of Parse.GeoPoint's";
            return Err(invalid_json(message));
        }
    };
    if points.len() < 3 {
        return Err(invalid_json(format!("bad $geoWithin value; {wanted}")));
    }
    points.iter().map(|point| place(point, || invalid_json("bad $geoWithin value"))).collect()
}

fn center_sphere(sphere: &Json) -> Result<Constraint> {
    let malformed = |problem: &str| invalid_json(format!("bad $geoWithin value; $centerSphere {problem}"));
    let Some([center, distance, ..]) = sphere.as_array().map(Vec::as_slice) else {
        return Err(malformed("should be an array of Parse.GeoPoint and distance"));
    };
    let center = place(center, || malformed("geo point invalid"))?;
    let radius = distance.as_f64().filter(|radius| *radius >= 0.0);
    Ok(Constraint::WithinSphere(center, radius.ok_or_else(|| malformed("distance invalid"))?))
}

pub(super) fn intersects(value: &Json) -> Result<Constraint> {
    let point = value.get("$point").filter(|point| !point.is_array()).unwrap_or(&Json::Null);
    let point = place(point, || invalid_json("bad $geoIntersect value; $point should be GeoPoint"))?;
    Ok(Constraint::Intersects(point))
}

/// A GeoPoint literal, or a pair of longitude and latitude, on Earth.
fn place(json: &Json, malformed: impl Fn() -> ParseError) -> Result<GeoPoint> {
    let numbers = || invalid_json("GeoPoint latitude and longitude must be valid numbers");
    let point = match json {
        Json::Array(pair) => {
            let [longitude, latitude] = pair.as_slice() else { return Err(malformed()) };
            let (longitude, latitude) = longitude.as_f64().zip(latitude.as_f64()).ok_or_else(numbers)?;
            GeoPoint { latitude, longitude }
        }
        Json::Object(members) if members.get("__type").and_then(Json::as_str) == Some("GeoPoint") => {
            operand::geo_point(members).ok_or_else(numbers)?
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => return Err(malformed()),
    };
    check_range(point)?;
    Ok(point)
}

/// Refuses what is not on Earth. Parse Server's SDK throws here, with these texts.
fn check_range(point: GeoPoint) -> Result<()> {
    let refuse = |name: &str, value: f64, limit: f64| {
        let sign = if value < 0.0 { '<' } else { '>' };
        let value = ryu_js::Buffer::new().format(value).to_owned();
        Err(invalid_json(format!("GeoPoint {name} out of bounds: {value} {sign} {limit:.1}.")))
    };
    if point.latitude.abs() > 90.0 {
        return refuse("latitude", point.latitude, 90.0_f64.copysign(point.latitude));
    }
    if point.longitude.abs() > 180.0 {
        return refuse("longitude", point.longitude, 180.0_f64.copysign(point.longitude));
    }
    Ok(())
}
