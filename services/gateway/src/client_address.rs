//! Which address a request came from, proxies resolved as Express' `trust proxy` does it.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;
use parsefleet_runtime::config::TrustProxy;

/// Whom to believe on one connection.
#[derive(Clone, Copy)]
pub(crate) struct TrustedProxies<'a> {
    peer: IpAddr,
    rule: &'a TrustProxy,
}

impl<'a> TrustedProxies<'a> {
    pub(crate) fn new(peer: IpAddr, rule: &'a TrustProxy) -> Self {
        Self { peer: peer.to_canonical(), rule }
    }

    /// The first address, seen from here, that is not a trusted proxy. `None` if a trusted proxy named something that is
    /// no address.
    pub(crate) fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let mut address = self.peer;
        if *self.rule == TrustProxy::Never {
            return Some(address);
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        for (distance, hop) in hops.iter().rev().enumerate() {
            if !self.trusts(address, distance) {
                break;
            }
            address = hop.parse::<IpAddr>().ok()?.to_canonical();
        }
        Some(address)
    }

    /// The scheme a trusted proxy was asked with.
    pub(crate) fn forwarded_scheme<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        if !self.trusts(self.peer, 0) {
            return None;
        }
        let value = headers.get("x-forwarded-proto")?.to_str().ok()?;
        Some(value.split(',').next().unwrap_or_default().trim())
    }

    fn trusts(&self, address: IpAddr, distance: usize) -> bool {
        match self.rule {
            TrustProxy::Never => false,
            TrustProxy::Always => true,
            TrustProxy::Hops(hops) => distance < *hops,
            TrustProxy::Addresses(networks) => is_within(address, networks),
        }
    }
}

/// Whether one of the networks holds the address. An IPv4 address and its IPv6-mapped form are the same.
pub(crate) fn is_within(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address) || is_within_mapped(address, network))
}

/// Networks may be written in mapped form (`::ffff:10.0.0.0/104`), too.
fn is_within_mapped(address: IpAddr, network: &IpNet) -> bool {
    let (IpAddr::V4(address), IpNet::V6(network)) = (address, network) else { return false };
    network.prefix_len() >= 96 && network.contains(&address.to_ipv6_mapped())
}

#[cfg(test)]
mod tests;
