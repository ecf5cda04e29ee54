//! The plain program: the bare loop with the work that no bridge can be without.
//!
//! Each record is mapped and routed by all mappings, the request is signed, its answer judged. Nothing makes it reliable:
//! no ledger, order, limiter, retry or line. What the bridge takes beyond this is the price of its promises.

use std::sync::Arc;
use std::time::Duration;

use alertbridge::domain::{Offset, Record, TopicPartition, WorkflowRequest, instance_id};
use alertbridge::mapping::{Mapped, Mapper, MappingSettings};
use alertbridge::ports::WorkflowApi as _;
use alertbridge::routing::{self, Decision, RouteSettings, RouteTable};
use alertbridge::secmaster::{ClientSettings, CredentialSettings, SecMasterClient};
use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY};
use anyhow::{Context, anyhow, bail, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use rdkafka::Message;
use rdkafka::consumer::StreamConsumer;

use super::bare::Task;
use super::{IN_FLIGHT, target};

/// Delivers as many records as the task says.
pub(crate) async fn deliver(task: &Task, consumer: &StreamConsumer) -> anyhow::Result<()> {
    let maker = Maker::new()?;
    let client = SecMasterClient::new(settings(task)?)?;
    let records = consumer.stream().take(task.events).map(|message| {
        let request = message.map_err(Into::into).and_then(|message| maker.request(&message));
        let client = &client;
        async move {
            let started = client.start(&request?).await;
            started.map(drop).map_err(|failure| anyhow!("the simulator refuses: {failure}"))
        }
    });
    records.buffer_unordered(IN_FLIGHT).try_for_each(|()| async { Ok(()) }).await
}

fn settings(task: &Task) -> anyhow::Result<ClientSettings> {
    Ok(ClientSettings {
        endpoint: task.simulator.parse()?,
        credentials: CredentialSettings::AccessKey {
            access_key_id: DEMO_ACCESS_KEY.to_owned(),
            secret_access_key: DEMO_SECRET_KEY.into(),
            security_token: None,
        },
        connect_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(20),
        ca_file: None,
        failure_classes: Vec::new(),
        renewal: None,
    })
}

/// Makes a request of a record.
struct Maker {
    mapper: Mapper,
    routes: RouteTable,
    cluster: Arc<str>,
}

impl Maker {
    fn new() -> anyhow::Result<Self> {
        let routes = RouteSettings {
            default_workflow_id: Some(target::WORKFLOW.to_owned()),
            project_id: target::PROJECT.to_owned(),
            workspace_id: target::WORKSPACE.to_owned(),
            ..RouteSettings::default()
        };
        Ok(Self {
            mapper: Mapper::load(&MappingSettings::default()).map_err(|errors| anyhow!("{errors:?}"))?,
            routes: RouteTable::new(&routes).map_err(|errors| anyhow!("{errors:?}"))?,
            cluster: Arc::from("cluster"),
        })
    }

    fn request(&self, message: &impl Message) -> anyhow::Result<WorkflowRequest> {
        let record = Record {
            partition: TopicPartition::new(message.topic(), message.partition()),
            offset: Offset(message.offset()),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: Vec::new(),
        };
        let origin = record.origin(&self.cluster);
        let Mapped::Parts(parts) = self.mapper.map(&record, &origin) else { bail!("a record is not mapped") };
        let part = parts.into_iter().next().context("a record has no parts")?;
        let alert = part.result.map_err(|failure| anyhow!("a record is refused: {failure}"))?;
        let Decision::Run(destinations) = self.routes.decide(&alert) else { bail!("an alert is not routed") };
        ensure!(destinations.len() == 1, "an alert has {} destinations", destinations.len());
        let destination = destinations.into_iter().next().context("no destination")?;
        let instance = instance_id(&origin, alert.part, &destination.workflow_id).to_string();
        Ok(routing::build(destination, &alert, Some(instance)))
    }
}
