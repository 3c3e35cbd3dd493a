//! Places.

use bson::doc;
use parsefleet_core::FieldType;
use parsefleet_data::store::ObjectStore;
use serde_json::{Value as Json, json};

use super::Class;

fn point(latitude: f64, longitude: f64) -> Json {
    json!({ "__type": "GeoPoint", "latitude": latitude, "longitude": longitude })
}

async fn cities(store: &dyn ObjectStore) -> Class<'_> {
    let class = Class::new(store, "City", &[("place", FieldType::GeoPoint)]);
    let places = [
        ("berlin", 52.52, 13.405),
        ("paris", 48.8566, 2.3522),
        ("newyork", 40.7128, -74.006),
        ("potsdam", 52.3906, 13.0645),
    ];
    for (id, latitude, longitude) in places {
        class.put(id, doc! { "place": [longitude, latitude] }).await;
    }
    class.put("nowhere", doc! {}).await;
    class
}

pub async fn nearest_first(store: &dyn ObjectStore) {
    let class = cities(store).await;
    let near = |extra: Json| {
        let mut constraints = json!({ "$nearSphere": point(52.5, 13.4) });
        if let (Json::Object(constraints), Json::Object(extra)) = (&mut constraints, extra) {
            constraints.extend(extra);
        }
        json!({ "place": constraints })
    };
    assert_eq!(class.ordered(near(json!({})), "").await, ["berlin", "potsdam", "paris", "newyork"]);
    assert_eq!(class.ordered(near(json!({ "$maxDistanceInKilometers": 50 })), "").await, ["berlin", "potsdam"]);
    assert_eq!(class.ordered(near(json!({ "$maxDistance": 0.2 })), "").await, ["berlin", "potsdam", "paris"]);
    assert_eq!(class.page(near(json!({})), "", 1, Some(2)).await, ["potsdam", "paris"]);
    assert_eq!(class.ordered(near(json!({})), "-objectId").await, ["potsdam", "paris", "newyork", "berlin"]);
}

pub async fn boxes_polygons_and_circles(store: &dyn ObjectStore) {
    let class = cities(store).await;
    class
        .finds(
            json!({ "place": { "$within": { "$box": [point(52.0, 13.0), point(53.0, 14.0)] } } }),
            &["berlin", "potsdam"],
        )
        .await;
    let triangle = json!({ "$polygon": [point(45.0, 0.0), point(45.0, 10.0), point(55.0, 0.0)] });
    class.finds(json!({ "place": { "$geoWithin": triangle } }), &["paris"]).await;
    let circle = json!({ "$centerSphere": [point(52.5, 13.4), 0.01] });
    class.finds(json!({ "place": { "$geoWithin": circle } }), &["berlin", "potsdam"]).await;
}

pub async fn points_in_polygons(store: &dyn ObjectStore) {
    let class = Class::new(store, "Area", &[("area", FieldType::Polygon)]);
    let square = |low: f64, high: f64| {
        let ring = [[low, low], [low, high], [high, high], [high, low], [low, low]].map(|pair| pair.to_vec()).to_vec();
        doc! { "area": { "type": "Polygon", "coordinates": [ring] } }
    };
    class.put("small", square(0.0, 1.0)).await;
    class.put("large", square(0.0, 10.0)).await;
    class.put("other", square(20.0, 30.0)).await;
    let contains =
        |latitude, longitude| json!({ "area": { "$geoIntersects": { "$point": point(latitude, longitude) } } });
    class.finds(contains(0.5, 0.5), &["large", "small"]).await;
    class.finds(contains(5.0, 5.0), &["large"]).await;
    class.finds(contains(15.0, 5.0), &[]).await;
}
