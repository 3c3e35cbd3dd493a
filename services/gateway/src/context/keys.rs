//! The keys that give a role, and the addresses they are accepted from.

use std::net::IpAddr;

use ipnet::IpNet;
use parsefleet_runtime::config::Keys;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::{
    client_address::is_within,
    failure::{Failure, Result},
    privilege::Role,
};

/// The role that the presented keys prove. A key that is wrong, or empty, proves nothing.
///
/// # Errors
/// 403 if a key is right but its sender's address is not.
pub(super) fn resolve(keys: &Keys, master: &str, maintenance: &str, address: Option<IpAddr>) -> Result<Option<Role>> {
    if is_optional_key(keys.maintenance.as_ref(), maintenance) {
        return admit(Role::Maintenance, "maintenanceKey", &keys.maintenance_ips, address);
    }
    if is_master(keys, master) {
        return admit(Role::Master, "masterKey", &keys.master_ips, address);
    }
    if is_optional_key(keys.read_only_master.as_ref(), master) {
        return admit(Role::ReadOnlyMaster, "readOnlyMasterKey", &keys.read_only_master_ips, address);
    }
    Ok(None)
}

pub(super) fn is_master(keys: &Keys, given: &str) -> bool {
    !given.is_empty() && equals(&keys.master, given)
}

/// Compares without telling by time how much was right.
pub(super) fn equals(key: &SecretString, given: &str) -> bool {
    key.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
}

fn is_optional_key(key: Option<&SecretString>, given: &str) -> bool {
    !given.is_empty() && key.is_some_and(|key| equals(key, given))
}

fn admit(role: Role, key: &'static str, networks: &[IpNet], address: Option<IpAddr>) -> Result<Option<Role>> {
    if address.is_some_and(|address| is_within(address, networks)) {
        return Ok(Some(role));
    }
    tracing::error!(
        key,
        "a request was rejected: its key is right, but the list of addresses for the key lacks its own"
    );
    Err(Failure::address_refused())
}
