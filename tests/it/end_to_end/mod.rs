//! The bridge's own process on Apache Kafka and the simulator.

mod answers;
mod brokers;
mod create_alert;
mod credentials;
mod dead_letters;
mod delivery;
mod guard;
mod kafka_security;
mod life_cycle;
mod probes;
mod redrive;
mod replicas;
mod security;
mod verify;
