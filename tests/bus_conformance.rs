//! Both buses pass the same suite.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::sync::Arc;

use parsefleet_bus::Bus;
use parsefleet_testkit::bus_suite::schedule;

mod embedded {
    use parsefleet_bus::EmbeddedBus;

    use super::{Arc, Bus, schedule};

    async fn with_bus(test: impl AsyncFnOnce(Arc<dyn Bus>)) {
        let directory = tempfile::tempdir().unwrap();
        test(Arc::new(EmbeddedBus::new(directory.path(), schedule()))).await;
    }

    parsefleet_testkit::bus_suite!(super::with_bus);
}

mod rabbit {
    use parsefleet_bus::RabbitBus;
    use parsefleet_testkit::servers::amqp_url;

    use super::{Arc, Bus, schedule};

    async fn with_bus(test: impl AsyncFnOnce(Arc<dyn Bus>)) {
        let prefix = format!("conformance.{:016x}", rand::random::<u64>());
        test(Arc::new(RabbitBus::try_new(&amqp_url().unwrap(), &prefix, schedule()).unwrap())).await;
    }

    parsefleet_testkit::bus_suite!(super::with_bus);
}
