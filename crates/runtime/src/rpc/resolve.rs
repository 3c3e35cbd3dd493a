//! From the text of a service's address to socket addresses.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use hickory_resolver::{
    ResolverBuilder, TokioResolver,
    config::LookupIpStrategy,
    net::{NetError, runtime::TokioRuntimeProvider},
};
use http::{
    Uri,
    uri::{Authority, Scheme},
};
use rustls::pki_types::ServerName;

use super::{ConnectError, tls::TlsError};

/// One of the addresses of a service, as configured.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) port: u16,
    /// Name in the certificate, for `https`.
    pub(super) server_name: Option<ServerName<'static>>,
    host: Host,
}

#[derive(Debug)]
enum Host {
    Literal(IpAddr),
    Name(String),
}

impl Target {
    /// Reads a list such as `http://data:7000,http://10.0.0.7:7000`.
    pub(super) fn parse_list(targets: &str) -> Result<Vec<Arc<Self>>, ConnectError> {
        let parts = targets.split(',').map(str::trim).filter(|part| !part.is_empty());
        let list: Vec<_> = parts.map(|part| Self::parse(part).map(Arc::new)).collect::<Result<_, _>>()?;
        if list.is_empty() {
            return Err(ConnectError::Target { target: targets.to_owned(), reason: "it is empty" });
        }
        Ok(list)
    }

    fn parse(target: &str) -> Result<Self, ConnectError> {
        let refuse = |reason| ConnectError::Target { target: target.to_owned(), reason };
        let uri: Uri = target.parse().map_err(|_| refuse("it is not a URL"))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(refuse("it has to be http://host:port or https://host:port"));
        };
        if parts.path_and_query.is_some_and(|path| path != "/") {
            return Err(refuse("it must not have a path"));
        }
        let secure = scheme == Scheme::HTTPS;
        if !secure && scheme != Scheme::HTTP {
            return Err(refuse("its scheme has to be http or https"));
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let server_name = secure.then(|| ServerName::try_from(host.clone())).transpose().map_err(TlsError::from)?;
        let host = host.parse().map_or(Host::Name(host), Host::Literal);
        Ok(Self { scheme, authority, port, server_name, host })
    }

    /// Whether the addresses can never change.
    pub(super) fn is_literal(&self) -> bool {
        matches!(self.host, Host::Literal(_))
    }
}

/// Asks the system's name servers, and `/etc/hosts`.
pub(super) struct Resolver {
    /// `None` if the system has no usable configuration: the C library is asked instead.
    dns: Option<TokioResolver>,
}

impl Resolver {
    pub(super) fn from_system() -> Self {
        match TokioResolver::builder_tokio().and_then(build) {
            Ok(dns) => Self { dns: Some(dns) },
            Err(error) => {
                tracing::warn!(%error, "no system resolver configuration");
                Self { dns: None }
            }
        }
    }

    /// All socket addresses of a target.
    pub(super) async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>, String> {
        let name = match &target.host {
            Host::Literal(address) => return Ok(vec![SocketAddr::new(*address, target.port)]),
            Host::Name(name) => name.as_str(),
        };
        let addresses: Vec<_> = match &self.dns {
            Some(dns) => {
                let found = dns.lookup_ip(name).await.map_err(|error| error.to_string())?;
                found.iter().map(|address| SocketAddr::new(address, target.port)).collect()
            }
            None => {
                let found = tokio::net::lookup_host((name, target.port)).await.map_err(|error| error.to_string())?;
                found.collect()
            }
        };
        if addresses.is_empty() { Err("no addresses".to_owned()) } else { Ok(addresses) }
    }
}

/// A resolver of which each look-up sees changes.
fn build(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<TokioResolver, NetError> {
    let options = builder.options_mut();
    options.cache_size = 0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build()
}

#[cfg(test)]
pub(super) mod name_server;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]

    use super::{
        name_server::{Answer, NameServer},
        *,
    };

    #[test]
    fn reads_lists_of_addresses() {
        let list = Target::parse_list("http://data:7000, https://[::1]:7001,http://10.0.0.7").unwrap();
        let ports: Vec<_> = list.iter().map(|target| target.port).collect();
        assert_eq!(ports, [7000, 7001, 80]);
        let literal: Vec<_> = list.iter().map(|target| target.is_literal()).collect();
        assert_eq!(literal, [false, true, true]);
        assert!(list[1].server_name.is_some());
    }

    #[test]
    fn refuses_what_is_no_address() {
        for wrong in ["", " , ", "data:7000", "ftp://data:7000", "http://data:7000/parse", "http://"] {
            assert!(Target::parse_list(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn every_look_up_sees_the_name_server_as_it_is() {
        let server = NameServer::start().await;
        let resolver = server.resolver();
        let target = &Target::parse_list("http://data.test:7000").unwrap()[0];
        for addresses in [&["127.0.0.1"][..], &["127.0.0.1", "127.0.0.2", "::1"], &["127.0.0.3"]] {
            server.answer(Answer::addresses(addresses));
            let mut found = resolver.resolve(target).await.unwrap();
            found.sort();
            let expected: Vec<SocketAddr> =
                addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 7000)).collect();
            assert_eq!(found, expected);
        }
        for nothing in [Answer::NoSuchName, Answer::addresses(&[]), Answer::Failure] {
            server.answer(nothing);
            assert!(resolver.resolve(target).await.is_err());
        }
        server.answer(Answer::addresses(&["127.0.0.4"]));
        assert_eq!(resolver.resolve(target).await.unwrap().len(), 1, "a failure is not remembered");
    }

    #[tokio::test]
    async fn finds_localhost() {
        let target = &Target::parse_list("http://localhost:7000").unwrap()[0];
        let found = Resolver::from_system().resolve(target).await.unwrap();
        assert!(found.contains(&"127.0.0.1:7000".parse().unwrap()), "{found:?}");
    }
}
