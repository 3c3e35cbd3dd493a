//! A name server for tests: it answers every name over UDP, with what it is told to.

#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]
#![allow(clippy::disallowed_methods, reason = "tests end with their process")]

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::{
        op::{Message, ResponseCode},
        rr::{RData, Record, RecordType},
    },
};
use tokio::net::UdpSocket;

use super::{Resolver, build};

/// What every name leads to.
#[derive(Clone, Debug)]
pub(in crate::rpc) enum Answer {
    /// These addresses, of either family.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoSuchName,
    /// The server is out of order.
    Failure,
}

/// A running name server.
pub(in crate::rpc) struct NameServer {
    address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
}

impl Answer {
    pub(in crate::rpc) fn addresses(texts: &[&str]) -> Self {
        Self::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn message(&self, query: &Message) -> Message {
        let mut message = Message::response(query.metadata.id, query.metadata.op_code);
        message.add_queries(query.queries.iter().cloned());
        match self {
            Self::NoSuchName => message.metadata.response_code = ResponseCode::NXDomain,
            Self::Failure => message.metadata.response_code = ResponseCode::ServFail,
            Self::Addresses(addresses) => {
                let question = &query.queries[0];
                for address in addresses {
                    let data = match (address, question.query_type()) {
                        (IpAddr::V4(address), RecordType::A) => RData::A((*address).into()),
                        (IpAddr::V6(address), RecordType::AAAA) => RData::AAAA((*address).into()),
                        _ => continue,
                    };
                    // A long time to live, which nobody may rely on.
                    message.add_answer(Record::from_rdata(question.name().clone(), 3600, data));
                }
            }
        }
        message
    }
}

impl NameServer {
    /// Starts one that knows no name.
    pub(in crate::rpc) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: socket.local_addr().unwrap(), answer: Arc::new(Mutex::new(Answer::NoSuchName)) };
        let answer = Arc::clone(&server.answer);
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            loop {
                let (length, asker) = socket.recv_from(&mut buffer).await.unwrap();
                let query = Message::from_vec(&buffer[..length]).unwrap();
                let message = answer.lock().unwrap().message(&query).to_vec().unwrap();
                socket.send_to(&message, asker).await.unwrap();
            }
        });
        server
    }

    /// What is answered from now on.
    pub(in crate::rpc) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// A resolver that asks this server.
    pub(in crate::rpc) fn resolver(&self) -> Resolver {
        let mut connection = ConnectionConfig::udp();
        connection.port = self.address.port();
        let server = NameServerConfig::new(self.address.ip(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Resolver { dns: Some(build(builder).unwrap()) }
    }
}
