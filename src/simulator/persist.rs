//! The state file: what was created, kept from one start to the next.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::api::{Shared, lock};
use super::run::Run;
use super::store::{Instance, Store};
use super::world::World;

/// How often the file is brought up to date.
const EACH: Duration = Duration::from_millis(500);

#[derive(Default, Deserialize, Serialize)]
struct State {
    world: World,
    instances: Vec<Kept>,
}

#[derive(Deserialize, Serialize)]
struct Kept {
    instance: Instance,
    run: Run,
}

/// What to begin with: the file's state if there is one, else the seed.
pub(super) fn load(file: Option<&Path>, seed: &World) -> io::Result<Store> {
    let Some(file) = file.filter(|file| file.exists()) else { return Ok(Store::with(seed.clone(), Vec::new())) };
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", file.display()));
    let State { world, instances } = serde_json::from_slice(&fs::read(file)?).map_err(invalid)?;
    let instances = instances.into_iter().map(|kept| Instance { run: kept.run, ..kept.instance }).collect();
    Ok(Store::with(world, instances))
}

/// Keeps the file up to date, and once more at the end.
pub(super) async fn keep(shared: Arc<Shared>, file: PathBuf, stop: CancellationToken) {
    loop {
        let goes_on = stop.run_until_cancelled(tokio::time::sleep(EACH)).await.is_some();
        if let Err(error) = save(&shared, &file) {
            tracing::warn!(event = "simulator.state_not_kept", %error, "the state file cannot be written");
        }
        if !goes_on {
            return;
        }
    }
}

fn save(shared: &Shared, file: &Path) -> io::Result<()> {
    let state = {
        let mut store = lock(&shared.store);
        if !std::mem::take(&mut store.is_changed) {
            return Ok(());
        }
        let instances = store.instances().iter();
        let instances = instances.map(|i| Kept { run: i.run.clone(), instance: i.clone() }).collect();
        State { world: store.world.clone(), instances }
    };
    let written = file.with_extension("new");
    fs::write(&written, serde_json::to_vec(&state)?)?;
    fs::rename(written, file)
}
