#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use super::*;

fn client(peer: &str, rule: &TrustProxy, forwarded: &[&str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append("x-forwarded-for", value.parse().unwrap());
    }
    TrustedProxies::new(peer.parse().unwrap(), rule).client(&headers).map(|address| address.to_string())
}

#[test]
fn nobody_is_believed_by_default() {
    assert_eq!(client("10.0.0.9", &TrustProxy::Never, &["1.1.1.1"]).unwrap(), "10.0.0.9");
}

#[test]
fn all_proxies_trusted_means_the_leftmost_address() {
    assert_eq!(client("10.0.0.9", &TrustProxy::Always, &["1.1.1.1, 2.2.2.2", "3.3.3.3"]).unwrap(), "1.1.1.1");
    assert_eq!(client("10.0.0.9", &TrustProxy::Always, &[]).unwrap(), "10.0.0.9");
}

#[test]
fn hops_are_counted_from_here() {
    let forwarded = ["1.1.1.1, 2.2.2.2, 3.3.3.3"];
    assert_eq!(client("10.0.0.9", &TrustProxy::Hops(0), &forwarded).unwrap(), "10.0.0.9");
    assert_eq!(client("10.0.0.9", &TrustProxy::Hops(1), &forwarded).unwrap(), "3.3.3.3");
    assert_eq!(client("10.0.0.9", &TrustProxy::Hops(2), &forwarded).unwrap(), "2.2.2.2");
    assert_eq!(client("10.0.0.9", &TrustProxy::Hops(9), &forwarded).unwrap(), "1.1.1.1");
}

#[test]
fn only_listed_proxies_are_passed() {
    let rule = TrustProxy::Addresses(vec!["10.0.0.0/8".parse().unwrap()]);
    assert_eq!(client("10.0.0.9", &rule, &["1.1.1.1, 10.1.1.1"]).unwrap(), "1.1.1.1");
    assert_eq!(client("10.0.0.9", &rule, &["9.9.9.9, 1.1.1.1"]).unwrap(), "1.1.1.1");
    assert_eq!(client("11.0.0.9", &rule, &["1.1.1.1"]).unwrap(), "11.0.0.9");
    assert_eq!(client("::ffff:10.0.0.9", &rule, &["1.1.1.1"]).unwrap(), "1.1.1.1");
}

#[test]
fn a_trusted_proxy_may_name_something_that_is_no_address() {
    assert_eq!(client("10.0.0.9", &TrustProxy::Always, &["unknown"]), None);
}

#[test]
fn mapped_addresses_are_the_same_as_plain_ones() {
    let plain = ["127.0.0.1/32".parse().unwrap()];
    let mapped = ["::ffff:127.0.0.1/128".parse().unwrap()];
    for address in ["127.0.0.1", "::ffff:127.0.0.1"] {
        assert!(is_within(address.parse().unwrap(), &plain));
        assert!(is_within(address.parse().unwrap(), &mapped));
    }
    assert!(!is_within("::1".parse().unwrap(), &plain));
    assert!(!is_within("127.0.0.2".parse().unwrap(), &mapped));
    assert!(!is_within("1.2.3.4".parse().unwrap(), &["::/0".parse().unwrap()]));
}

#[test]
fn the_scheme_of_a_trusted_proxy_counts() {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-proto", "https, http".parse().unwrap());
    let peer = "10.0.0.9".parse().unwrap();
    assert_eq!(TrustedProxies::new(peer, &TrustProxy::Never).forwarded_scheme(&headers), None);
    assert_eq!(TrustedProxies::new(peer, &TrustProxy::Always).forwarded_scheme(&headers), Some("https"));
}
