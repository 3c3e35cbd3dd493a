//! The collection of hooks.

use futures_util::future::join_all;
use parsefleet_data::store::{Hook, ObjectStore};

fn hook(class_name: &str, trigger_name: &str, url: &str) -> Hook {
    Hook { class_name: class_name.to_owned(), trigger_name: trigger_name.to_owned(), url: url.to_owned() }
}

pub async fn hooks_are_stored_once(store: &dyn ObjectStore) {
    assert_eq!(store.load_hooks().await.unwrap(), []);
    let first = hook("Game", "beforeSave", "http://a.example/");
    assert!(store.add_hook(&first).await.unwrap());
    assert!(!store.add_hook(&hook("Game", "beforeSave", "http://b.example/")).await.unwrap());
    let others = [hook("Game", "afterSave", "http://a.example/"), hook("game", "beforeSave", "http://a.example/")];
    for other in &others {
        assert!(store.add_hook(other).await.unwrap(), "{other:?}");
    }
    assert_eq!(store.load_hooks().await.unwrap(), [first, others[0].clone(), others[1].clone()]);
}

pub async fn hooks_change_and_go(store: &dyn ObjectStore) {
    let changed = hook("Game", "beforeSave", "http://b.example/");
    assert!(!store.change_hook(&changed).await.unwrap());
    assert!(!store.remove_hook("Game", "beforeSave").await.unwrap());
    assert_eq!(store.load_hooks().await.unwrap(), []);

    let other = hook("Game", "afterSave", "http://a.example/");
    for stored in [&hook("Game", "beforeSave", "http://a.example/"), &other] {
        assert!(store.add_hook(stored).await.unwrap());
    }
    assert!(store.change_hook(&changed).await.unwrap());
    assert_eq!(store.load_hooks().await.unwrap(), [changed, other.clone()]);
    assert!(store.remove_hook("Game", "beforeSave").await.unwrap());
    assert!(!store.remove_hook("Game", "beforeSave").await.unwrap());
    assert_eq!(store.load_hooks().await.unwrap(), [other]);
}

pub async fn one_of_many_equal_hooks_is_stored(store: &dyn ObjectStore) {
    let rivals: Vec<Hook> = (0..20).map(|number| hook("Game", "beforeSave", &format!("http://{number}/"))).collect();
    let stored = join_all(rivals.iter().map(|rival| store.add_hook(rival))).await;
    let winners = stored.into_iter().map(Result::unwrap).filter(|is_stored| *is_stored).count();
    assert_eq!((winners, store.load_hooks().await.unwrap().len()), (1, 1));
}
