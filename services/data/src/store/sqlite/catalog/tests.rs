#![allow(clippy::unwrap_used)] // a panic is how a test fails

use super::*;

fn index(name: &str, path: &str) -> Index {
    Index {
        name: name.to_owned(),
        keys: vec![(path.to_owned(), IndexKind::Ascending)],
        unique: false,
        sparse: true,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}

fn numbers(catalog: &Catalog) -> Vec<i64> {
    let mut numbers: Vec<i64> =
        catalog.tables().flat_map(|table| table.indexes.iter().map(|index| index.number)).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn the_number_of_an_index_never_comes_again() {
    let connection = Connection::open_in_memory().unwrap();
    // As files were made before the last number was kept.
    connection.execute_batch(CATALOG_TABLES).unwrap();
    connection
        .execute_batch(
            r#"INSERT INTO "~classes" VALUES ('Thing', 'Thing');
            CREATE TABLE "Thing" (row INTEGER PRIMARY KEY, document BLOB NOT NULL, key7_0 BLOB);
            INSERT INTO "~indexes" VALUES (7, 'Thing', 'old',
                '{"name":"old","keys":[["a","Ascending"]],"unique":false,"sparse":true,"case_insensitive":false,
                "expire_after_seconds":null}');"#,
        )
        .unwrap();
    connection.execute_batch(NUMBERS_TABLE).unwrap();
    let mut catalog = Catalog::load(&connection).unwrap();
    assert_eq!(numbers(&catalog), [7]);

    catalog.create_index(&connection, "Thing", &index("first", "b")).unwrap();
    assert_eq!(numbers(&catalog), [7, 8]);
    catalog.drop_index(&connection, "Thing", "first").unwrap();
    catalog.create_index(&connection, "Thing", &index("second", "c")).unwrap();
    assert_eq!(numbers(&catalog), [7, 9]);

    catalog.drop_table(&connection, "Thing").unwrap();
    let mut catalog = Catalog::load(&connection).unwrap();
    catalog.create_index(&connection, "Other", &index("third", "c")).unwrap();
    assert_eq!(numbers(&catalog), [10]);
}
