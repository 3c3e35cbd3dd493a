use bson::{DateTime, RawDocumentBuf, rawdoc};
use parsefleet_core::schema::Field;
use parsefleet_core::*;
use parsefleet_data::codec::{FileUrls, JsonReader, ReadView, Reader};
fn main() {
    let mut schema = ClassSchema::new(ClassName::new("GameScore").unwrap());
    let mut add = |n: &str, t: FieldType| {
        schema.fields.insert(n.into(), Field::new(t));
    };
    add("score", FieldType::Number);
    add("ratio", FieldType::Number);
    add("playerName", FieldType::String);
    add("cheatMode", FieldType::Boolean);
    add("about", FieldType::String);
    add("playedAt", FieldType::Date);
    add("player", FieldType::Pointer(ClassName::new("Player").unwrap().as_str().try_into().unwrap()));
    add("place", FieldType::GeoPoint);
    add("tags", FieldType::Array);
    add("settings", FieldType::Object);
    let docs: Vec<RawDocumentBuf> = (0..100).map(|n: i32| rawdoc! {
        "_id": format!("abcdef{:04}", n), "score": n, "ratio": f64::from(n)/7.0, "playerName": format!("Player {n}"), "cheatMode": n%3==0,
        "about": "A text as people write them, long enough to matter and short enough to be common in apps. ".repeat(3),
        "playedAt": DateTime::from_millis(1767323045678), "_p_player": "Player$abcdefghij", "place": [13.4, 52.5],
        "tags": ["one","two","three", n], "settings": {"sound": true, "level": {"name":"Boss","number":12}, "colours": ["red","green"]},
        "_created_at": DateTime::from_millis(1767323045678+i64::from(n)), "_updated_at": DateTime::from_millis(1767323045678+i64::from(n)),
    }).collect();
    let files = FileUrls { mount_url: "http://localhost:1337/parse".into(), app_id: "a".into(), file_key: None };
    let reader = Reader::Master;
    let mut best = u128::MAX;
    let mut len = 0;
    for _ in 0..3000 {
        let start = std::time::Instant::now();
        let mut out = Vec::with_capacity(120_000);
        let mut p = JsonReader::new(ReadView {
            schema: &schema,
            selected: None,
            hidden: &[],
            owner_exempt: true,
            reader: &reader,
            files: &files,
            includes: None,
        });
        for d in &docs {
            p.write(&mut out, d).unwrap();
        }
        best = best.min(start.elapsed().as_nanos());
        len = out.len();
        std::hint::black_box(&out);
    }
    println!("{} ns/object, {} bytes/object", best / 100, len / 100);
}
