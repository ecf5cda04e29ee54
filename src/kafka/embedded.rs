//! librdkafka's mock cluster: enough of a Kafka broker, inside the process, to show the bridge at work on a machine
//! that has none. It keeps its records in memory and knows no transactions' isolation, no retention and no security.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::ClientError;

/// A Kafka cluster inside the process; it ends when this is dropped.
pub struct EmbeddedKafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl std::fmt::Debug for EmbeddedKafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedKafka").field("bootstrap_servers", &self.bootstrap_servers()).finish()
    }
}

impl EmbeddedKafka {
    /// Starts one broker on a free port of the loopback interface, with these topics and their numbers of partitions.
    ///
    /// # Errors
    ///
    /// The broker cannot be started, or a topic cannot be made.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, ClientError> {
        let cluster = MockCluster::new(1).map_err(|error| ClientError(error.to_string()))?;
        for (topic, partitions) in topics {
            cluster.create_topic(topic, *partitions, 1).map_err(|error| ClientError(error.to_string()))?;
        }
        Ok(Self { cluster })
    }

    /// Where it listens, `host:port`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// Takes the broker away: connections break, and new ones are refused.
    ///
    /// # Errors
    ///
    /// The mock cluster refuses.
    pub fn go_down(&self) -> Result<(), ClientError> {
        self.cluster.broker_down(1).map_err(|error| ClientError(error.to_string()))
    }

    /// Brings it back.
    ///
    /// # Errors
    ///
    /// The mock cluster refuses.
    pub fn come_up(&self) -> Result<(), ClientError> {
        self.cluster.broker_up(1).map_err(|error| ClientError(error.to_string()))
    }
}
