//! Which instance of a service answers a call.
//!
//! tonic's own balancer sends a share of all calls to dead addresses, never resolves again and hangs when nobody is
//! left. Here each address has a task that keeps it connected; calls go only to addresses that are, to the less loaded
//! of two; and with none left they fail at once.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tonic::Status;

use super::{
    ClientOptions,
    dial::Dialler,
    endpoint::{Endpoint, jittered},
    resolve::{Resolver, Target},
};

/// The instances of a service.
#[derive(Debug)]
pub(super) struct Balancer {
    instances: Arc<Instances>,
    patience: Duration,
    /// Ends with the last clone of the channel.
    _driver: JoinSet<()>,
}

/// What the driver writes and calls read.
#[derive(Debug)]
struct Instances {
    endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    /// The names have been looked up once.
    resolved: AtomicBool,
    /// Told of each change that a waiting call may be waiting for.
    changed: watch::Sender<()>,
}

impl Balancer {
    /// Starts to look the targets up and to connect. Has to run inside the runtime.
    pub(super) fn start(targets: Vec<Arc<Target>>, dialler: Arc<Dialler>, options: &ClientOptions) -> Self {
        let instances = Arc::new(Instances {
            endpoints: ArcSwap::default(),
            resolved: AtomicBool::new(false),
            changed: watch::Sender::new(()),
        });
        let driver = Driver {
            instances: Arc::clone(&instances),
            resolver: Resolver::from_system(),
            targets,
            dialler,
            resolve_interval: options.resolve_interval,
            redial_after: options.redial_after,
            keepers: HashMap::new(),
        };
        let driver = JoinSet::from_iter([driver.run()]);
        Self { instances, patience: options.connect_timeout, _driver: driver }
    }

    /// An instance that can be called now, another one than `avoid` if there is another. Waits only for a first attempt
    /// to connect.
    pub(super) async fn pick(&self, avoid: Option<SocketAddr>) -> Result<Arc<Endpoint>, Status> {
        if let Some(endpoint) = self.instances.choose(avoid) {
            return Ok(endpoint);
        }
        let wait = async {
            let mut changed = self.instances.changed.subscribe();
            loop {
                if let Some(endpoint) = self.instances.choose(None) {
                    return Some(endpoint);
                }
                if !self.instances.is_hopeful() || changed.changed().await.is_err() {
                    return None;
                }
            }
        };
        let found = tokio::time::timeout(self.patience, wait).await;
        found.ok().flatten().ok_or_else(|| Status::unavailable("no instance of the service can be reached"))
    }
}

impl Instances {
    /// The less loaded of two live instances taken at random.
    fn choose(&self, avoid: Option<SocketAddr>) -> Option<Arc<Endpoint>> {
        let endpoints = self.endpoints.load();
        let count = endpoints.len();
        let live_from = |start: usize| {
            (0..count)
                .map(|step| &endpoints[(start + step) % count])
                .find(|endpoint| endpoint.is_live() && avoid != Some(endpoint.address))
        };
        if count < 2 {
            return live_from(0).cloned();
        }
        let start = rand::random_range(0..count);
        let one = live_from(start)?;
        let other = live_from(start + rand::random_range(1..count))?;
        Some(Arc::clone(if other.load() < one.load() { other } else { one }))
    }

    /// Whether an instance may turn up in a moment.
    fn is_hopeful(&self) -> bool {
        !self.resolved.load(Ordering::Acquire) || self.endpoints.load().iter().any(|endpoint| endpoint.is_hopeful())
    }
}

/// Follows the service's names and owns the task of each address.
struct Driver {
    instances: Arc<Instances>,
    resolver: Resolver,
    targets: Vec<Arc<Target>>,
    dialler: Arc<Dialler>,
    resolve_interval: Duration,
    redial_after: Duration,
    keepers: HashMap<SocketAddr, Keeper>,
}

struct Keeper {
    endpoint: Arc<Endpoint>,
    _task: JoinSet<()>,
}

impl Driver {
    async fn run(mut self) {
        // What each target led to when it was last found.
        let mut known: Vec<Vec<SocketAddr>> = vec![Vec::new(); self.targets.len()];
        let mut resolvable = vec![true; self.targets.len()];
        loop {
            for ((target, known), resolvable) in self.targets.iter().zip(&mut known).zip(&mut resolvable) {
                match self.resolver.resolve(target).await {
                    Ok(found) => {
                        *known = found;
                        *resolvable = true;
                    }
                    // The instances may be there all the same: whether they answer decides.
                    Err(error) => {
                        if std::mem::take(resolvable) {
                            tracing::warn!(service = %target.authority, %error, "service name not resolved");
                        }
                    }
                }
            }
            self.update(&known);
            if self.targets.iter().all(|target| target.is_literal()) {
                return std::future::pending().await;
            }
            sleep(jittered(self.resolve_interval)).await;
        }
    }

    /// Makes the endpoints those of the addresses known. What stays keeps its connection.
    fn update(&mut self, known: &[Vec<SocketAddr>]) {
        let wanted: HashSet<SocketAddr> = known.iter().flatten().copied().collect();
        self.keepers.retain(|address, _| wanted.contains(address));
        for (target, addresses) in self.targets.iter().zip(known) {
            for address in addresses {
                if !self.keepers.contains_key(address) {
                    self.keepers.insert(*address, self.start_keeper(Arc::clone(target), *address));
                }
            }
        }
        self.instances
            .endpoints
            .store(Arc::new(self.keepers.values().map(|keeper| Arc::clone(&keeper.endpoint)).collect()));
        self.instances.resolved.store(true, Ordering::Release);
        self.instances.changed.send_replace(());
    }

    fn start_keeper(&self, target: Arc<Target>, address: SocketAddr) -> Keeper {
        let endpoint = Arc::new(Endpoint::new(target, address));
        let task = JoinSet::from_iter([Arc::clone(&endpoint).keep_connected(
            Arc::clone(&self.dialler),
            self.redial_after,
            self.instances.changed.clone(),
        )]);
        Keeper { endpoint, _task: task }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::rpc::resolve::name_server::{Answer, NameServer};

    fn driver(targets: &str, resolver: Resolver) -> Driver {
        let instances = Instances {
            endpoints: ArcSwap::default(),
            resolved: AtomicBool::new(false),
            changed: watch::Sender::new(()),
        };
        Driver {
            instances: Arc::new(instances),
            resolver,
            targets: Target::parse_list(targets).unwrap(),
            dialler: Arc::new(Dialler { tls: None, timeout: Duration::from_secs(1) }),
            resolve_interval: Duration::from_millis(20),
            redial_after: Duration::from_secs(240),
            keepers: HashMap::new(),
        }
    }

    impl Instances {
        fn addresses(&self) -> BTreeSet<SocketAddr> {
            self.endpoints.load().iter().map(|endpoint| endpoint.address).collect()
        }

        fn endpoint(&self, address: SocketAddr) -> Option<Arc<Endpoint>> {
            self.endpoints.load().iter().find(|found| found.address == address).cloned()
        }
    }

    #[tokio::test]
    async fn endpoints_follow_the_names_and_keep_what_stays() {
        let mut driver = driver("http://one:7000,http://two:7000", Resolver::from_system());
        let instances = Arc::clone(&driver.instances);
        let [one, two, three] = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"].map(|text| text.parse().unwrap());
        assert!(instances.is_hopeful(), "nothing is known yet");
        driver.update(&[vec![one, two], vec![two]]);
        assert_eq!(instances.endpoints.load().len(), 2);
        let kept = instances.endpoint(two).unwrap();
        driver.update(&[vec![two, three], vec![]]);
        assert!(instances.endpoint(one).is_none() && instances.endpoint(three).is_some());
        assert!(Arc::ptr_eq(&kept, &instances.endpoint(two).unwrap()));
        driver.update(&[vec![], vec![]]);
        assert!(instances.endpoints.load().is_empty() && !instances.is_hopeful());
    }

    /// Waits until the endpoints are those of these hosts.
    async fn settled(instances: &Instances, hosts: &[&str]) {
        let expected: BTreeSet<SocketAddr> = hosts.iter().map(|host| format!("{host}:7").parse().unwrap()).collect();
        let settles = async {
            while instances.addresses() != expected {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let outcome = tokio::time::timeout(Duration::from_secs(10), settles).await;
        assert!(outcome.is_ok(), "expected {expected:?}, found {:?}", instances.addresses());
    }

    #[tokio::test]
    async fn instances_come_and_go_with_the_answers_of_the_name_server() {
        let server = NameServer::start().await;
        let driver = driver("http://data.test:7", server.resolver());
        let instances = Arc::clone(&driver.instances);
        let _running = JoinSet::from_iter([driver.run()]);
        settled(&instances, &[]).await;

        server.answer(Answer::addresses(&["127.0.0.1", "127.0.0.2"]));
        settled(&instances, &["127.0.0.1", "127.0.0.2"]).await;
        let kept = instances.endpoint("127.0.0.2:7".parse().unwrap()).unwrap();
        // A rollout: one pod after the other is replaced.
        server.answer(Answer::addresses(&["127.0.0.2", "127.0.0.3"]));
        settled(&instances, &["127.0.0.2", "127.0.0.3"]).await;
        assert!(Arc::ptr_eq(&kept, &instances.endpoint(kept.address).unwrap()), "what stays keeps its connection");

        // A name server that fails says nothing about the instances.
        for failure in [Answer::Failure, Answer::NoSuchName] {
            server.answer(failure);
            sleep(Duration::from_millis(200)).await;
            settled(&instances, &["127.0.0.2", "127.0.0.3"]).await;
        }
        server.answer(Answer::addresses(&["127.0.0.4"]));
        settled(&instances, &["127.0.0.4"]).await;
    }
}
