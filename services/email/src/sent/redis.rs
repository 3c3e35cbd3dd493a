//! The record that all processes share.

use std::time::Duration;

use async_trait::async_trait;
use redis::{
    Client, IntoConnectionInfo as _, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};

use super::{Claim, REMEMBERED, RecordError, SentRecord};

/// How long a claim holds without being prolonged: that long a job of a process that died waits.
pub(crate) const LEASE: Duration = Duration::from_secs(4);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Value of a job that was sent; a claim has the name of its process.
const SENT: &str = "sent";

/// Claims, or tells who has.
const CLAIM: &str = "\
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return ARGV[1] end
return redis.call('GET', KEYS[1])";
/// Both only if the claim is still ours.
const RENEW: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end";
const RELEASE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";

pub(crate) struct RedisRecord {
    connection: ConnectionManager,
    prefix: String,
    /// Tells this process from all others
    process: String,
    claim: Script,
    renew: Script,
    release: Script,
}

impl RedisRecord {
    /// Does not wait for Redis.
    pub(crate) fn try_new(url: &str, prefix: String) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_number_of_retries(1);
        // A note does not wait in the kernel until the command before it is acknowledged.
        let address = url.into_connection_info()?.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(Client::open(address)?, config)?,
            prefix,
            process: format!("{:032x}", rand::random::<u128>()),
            claim: Script::new(CLAIM),
            renew: Script::new(RENEW),
            release: Script::new(RELEASE),
        })
    }

    fn key(&self, job: &str) -> String {
        format!("{}{job}", self.prefix)
    }
}

#[async_trait]
impl SentRecord for RedisRecord {
    async fn claim(&self, job: &str) -> Result<Claim, RecordError> {
        let mut call = self.claim.key(self.key(job));
        call.arg(&self.process).arg(milliseconds(LEASE));
        let holder: Option<String> = call.invoke_async(&mut self.connection.clone()).await?;
        Ok(match holder.as_deref() {
            Some(SENT) => Claim::Sent,
            Some(holder) if holder == self.process => Claim::Mine,
            _ => Claim::Elsewhere,
        })
    }

    async fn renew(&self, job: &str) -> Result<(), RecordError> {
        let mut call = self.renew.key(self.key(job));
        call.arg(&self.process).arg(milliseconds(LEASE));
        Ok(call.invoke_async(&mut self.connection.clone()).await?)
    }

    async fn sent(&self, job: &str) -> Result<(), RecordError> {
        let mut command = redis::cmd("SET");
        command.arg(self.key(job)).arg(SENT).arg("EX").arg(REMEMBERED.as_secs());
        Ok(command.query_async(&mut self.connection.clone()).await?)
    }

    async fn release(&self, job: &str) -> Result<(), RecordError> {
        let mut call = self.release.key(self.key(job));
        call.arg(&self.process);
        Ok(call.invoke_async(&mut self.connection.clone()).await?)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
