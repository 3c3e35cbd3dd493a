//! Regular expressions here and in MongoDB, which runs PCRE: random patterns on random texts.

use anyhow::{Context as _, Result, bail, ensure};
use bson::{Document, doc};
use parsefleet_core::query::Pattern;
use parsefleet_data::store::mongo::MongoStore;
use parsefleet_testkit::servers::mongodb_uri;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    generate::{once_in, one_of},
    number,
};

const TEXTS: usize = 300;
const PATTERNS: usize = 1000;

const LETTERS: [&str; 23] = [
    "a", "b", "c", "A", "B", "1", "2", "_", " ", "\n", ".", "-", "]", "[", "{", "}", "\\", "ä", "Ä", "ß", "\t", "^",
    "#",
];

const ATOMS: [&str; 56] = [
    "a",
    "b",
    "c",
    "A",
    "1",
    " ",
    "ä",
    ".",
    "\\.",
    "\\w",
    "\\W",
    "\\d",
    "\\D",
    "\\s",
    "\\S",
    "\\h",
    "\\v",
    "\\n",
    "\\t",
    "\\b",
    "\\B",
    "^",
    "$",
    "\\A",
    "\\z",
    "\\Z",
    "[ab]",
    "[^ab]",
    "[a-c]",
    "[\\w-]",
    "[]a]",
    "[^]a]",
    "[[:alpha:]]",
    "[[:^digit:]]",
    "[a\\]b]",
    "[\\d\\s]",
    "[a-]",
    "[-a]",
    "[\\Qa-c\\E]",
    "[&&ab]",
    "[ #]",
    "\\Qa.b\\E",
    "\\Q[\\E",
    "\\x61",
    "\\x{e4}",
    "\\101",
    "\\-",
    "\\#",
    "{",
    "}",
    "]",
    "a{,2}",
    "\\pL",
    "\\p{Lu}",
    "\\N",
    "#",
];

const QUANTIFIERS: [&str; 10] = ["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?", "++", "?+"];

fn text(random: &mut StdRng) -> String {
    (0..random.random_range(0..6_usize)).map(|_| *one_of(random, &LETTERS)).collect()
}

fn pattern(random: &mut StdRng, depth: u32) -> String {
    let mut pattern = String::new();
    for _ in 0..random.random_range(1..4_usize) {
        if depth > 0 && once_in(random, 3) {
            let start =
                *one_of(random, &["(", "(?:", "(?=", "(?!", "(?>", "(?i:", "(?x:", "(?s-i:", "(?m:", "(?<=", "(?<!"]);
            let inside = if start.starts_with("(?<") {
                one_of(random, &["a", "b", "[ab]", "\\d"]).to_string()
            } else {
                self::pattern(random, depth - 1)
            };
            pattern.push_str(start);
            pattern.push_str(&inside);
            pattern.push(')');
            // Look-around more than once means nothing, and only PCRE takes it.
            if start.contains(['=', '!', '<']) {
                continue;
            }
        } else {
            pattern.push_str(one_of::<&str>(random, &ATOMS));
        }
        if once_in(random, 4) {
            pattern.push_str(one_of::<&str>(random, &QUANTIFIERS));
        }
        if once_in(random, 8) {
            pattern.push_str(one_of::<&str>(random, &["|", "(?i)", "(?m)", "(?s)", "(?-i)", "(?#x)", "\\1"]));
        }
    }
    pattern
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_match_what_mongodb_matches() -> Result<()> {
    let seed = number("PARSEFLEET_TEST_SEED")?.unwrap_or(1);
    let patterns = PATTERNS * usize::try_from(number("PARSEFLEET_TEST_ROUNDS")?.unwrap_or(1))?;
    let mut random = StdRng::seed_from_u64(seed);
    let uri = mongodb_uri(&format!("pattern_oracle_{}", rand::random::<u32>()))?;
    let store = MongoStore::connect(&uri, &serde_json::Map::new(), "").await?;
    let collection = store.database().collection::<Document>("texts");
    let texts: Vec<String> = (0..TEXTS).map(|_| text(&mut random)).collect();
    let documents = texts.iter().enumerate().map(|(place, text)| doc! { "_id": place as i32, "s": text });
    collection.insert_many(documents).await?;
    let (mut compared, mut unsupported) = (0, 0);
    for _ in 0..patterns {
        let pattern = Pattern {
            source: pattern(&mut random, 2),
            options: one_of(&mut random, &["", "", "i", "m", "s", "x", "imx"]).to_string(),
        };
        let filter = doc! { "s": { "$regex": &pattern.source, "$options": &pattern.options } };
        let Ok(mut cursor) = collection.find(filter).await else { continue };
        let mut theirs = Vec::new();
        while cursor.advance().await? {
            theirs.push(cursor.current().get_i32("_id")?);
        }
        let Ok(regex) = pattern.compile() else {
            unsupported += 1;
            continue;
        };
        for (place, text) in texts.iter().enumerate() {
            let ours = regex.is_match(text.as_str()).with_context(|| format!("{pattern:?} on {text:?}"))?;
            if ours != theirs.contains(&(place as i32)) {
                bail!("PARSEFLEET_TEST_SEED={seed}: {pattern:?} on {text:?}: {ours} here, not so in MongoDB");
            }
        }
        compared += 1;
    }
    store.database().drop().await?;
    eprintln!("{compared} patterns compared, {unsupported} not supported");
    ensure!(compared > patterns / 2 && unsupported < patterns / 50, "{compared} compared, {unsupported} not supported");
    Ok(())
}
