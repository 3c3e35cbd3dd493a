//! A whole fleet on this machine: gateways, auth, data and email as processes.

use std::path::Path;

use anyhow::Result;

use super::{Parsefleet, Settings, free_port};

/// How many processes of each role, and what they share.
#[derive(Clone, Debug)]
pub struct FleetPlan {
    /// Gateways.
    pub gateways: usize,
    /// Auth services.
    pub auths: usize,
    /// Data services.
    pub datas: usize,
    /// Email services: with any of them, `common` has to have an `emailAdapter`.
    pub emails: usize,
    /// Their RabbitMQ, if there is one.
    pub amqp_url: Option<String>,
    /// Their database.
    pub database_uri: String,
    /// Their Redis, if there is one.
    pub redis_url: Option<String>,
    /// Options and variables of every process.
    pub common: Settings,
    /// Ports of the gateways' APIs; free ones where the list ends.
    pub gateway_ports: Vec<u16>,
}

impl FleetPlan {
    /// Two gateways, one auth, two data services, and nobody who sends mails.
    pub fn new(database_uri: impl Into<String>, redis_url: Option<String>) -> Self {
        Self {
            gateways: 2,
            auths: 1,
            datas: 2,
            emails: 0,
            amqp_url: None,
            database_uri: database_uri.into(),
            redis_url,
            common: Settings::default(),
            gateway_ports: Vec::new(),
        }
    }
}

/// A running fleet. Dropping it kills its processes.
#[derive(Debug)]
pub struct Fleet {
    /// Data services.
    pub datas: Vec<Parsefleet>,
    /// Auth services.
    pub auths: Vec<Parsefleet>,
    /// Gateways.
    pub gateways: Vec<Parsefleet>,
    /// Email services.
    pub emails: Vec<Parsefleet>,
}

impl Fleet {
    /// Starts every process and waits until all are ready.
    pub async fn start(folder: &Path, plan: &FleetPlan) -> Result<Self> {
        let mut common = plan.common.clone().option("databaseURI", plan.database_uri.clone());
        common = common.variable("PARSEFLEET_SERVICE_CREDENTIAL", "the-credential-of-the-test-fleet");
        if let Some(url) = &plan.redis_url {
            common = common.variable("PARSEFLEET_REDIS_URL", url.clone());
        }
        if let Some(url) = &plan.amqp_url {
            common = common.variable("PARSEFLEET_AMQP_URL", url.clone());
        }
        let (datas, data_url) = start_role(folder, "data", plan.datas, &common).await?;
        common = common.variable("PARSEFLEET_DATA_URL", data_url);
        let (auths, auth_url) = start_role(folder, "auth", plan.auths, &common).await?;
        common = common.variable("PARSEFLEET_AUTH_URL", auth_url);
        let mut gateways = Vec::new();
        for index in 0..plan.gateways {
            let admin = format!("127.0.0.1:{}", free_port()?);
            let mut settings = common.clone().variable("PARSEFLEET_ADMIN_LISTEN", admin);
            settings.role = Some("gateway");
            settings.port = plan.gateway_ports.get(index).copied();
            gateways.push(Parsefleet::start(folder, settings).await?);
        }
        let (emails, _) = start_role(folder, "email", plan.emails, &common).await?;
        Ok(Self { datas, auths, gateways, emails })
    }

    /// Every process.
    pub fn processes(&mut self) -> impl Iterator<Item = &mut Parsefleet> {
        self.gateways.iter_mut().chain(&mut self.emails).chain(&mut self.auths).chain(&mut self.datas)
    }
}

/// Starts `count` services and tells the addresses under which all of them are reached, if they are called at all.
async fn start_role(
    folder: &Path,
    role: &'static str,
    count: usize,
    common: &Settings,
) -> Result<(Vec<Parsefleet>, String)> {
    let mut processes = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..count {
        let listen = format!("127.0.0.1:{}", free_port()?);
        addresses.push(format!("http://{listen}"));
        let admin = format!("127.0.0.1:{}", free_port()?);
        let mut settings =
            common.clone().variable("PARSEFLEET_LISTEN", listen).variable("PARSEFLEET_ADMIN_LISTEN", admin);
        settings.role = Some(role);
        processes.push(Parsefleet::start(folder, settings).await?);
    }
    Ok((processes, addresses.join(",")))
}
