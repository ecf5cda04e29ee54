//! Wrong credentials: everything waits, nothing is dead-lettered, and the key is not locked by our own asking.

use std::fs;

use alertbridge::simulator::{DEMO_ACCESS_KEY, DEMO_SECRET_KEY};

use crate::support::bridge::Bridge;
use crate::support::kafka::shared;
use crate::support::world::{World, drafts};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_pauses_everything_until_its_file_holds_another_which_is_tried_at_once() {
    let world = World::new(shared(), "credentials").await;
    let secret = world.folder.path().join("secret");
    fs::write(&secret, "wrong").unwrap();
    let configuration = world.configuration("").replace(
        &format!("secret_access_key: {DEMO_SECRET_KEY}"),
        &format!("secret_access_key_file: {}", secret.display()),
    );
    let written = world.write(drafts(0..300)).await;
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    let paused = bridge.saw("delivery.paused").await;
    assert_eq!((paused["reason"].as_str(), paused["level"].as_str()), (Some("credentials"), Some("ERROR")), "{paused}");
    fs::write(&secret, DEMO_SECRET_KEY).unwrap();
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;
    assert_eq!(world.simulator.handle().stats().refused.get(&401), Some(&1), "one bad signature and no other");
    let paused_ms = bridge.saw("delivery.resumed").await["paused_ms"].as_u64();
    assert!(paused_ms < Some(15_000), "the changed file is tried before the first probe's turn: {paused_ms:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_dies_under_load_is_renewed_by_one_probe_and_everything_goes_on() {
    let world = World::new(shared(), "token").await;
    let user = format!(
        "kind: password\n    iam_endpoint: {}\n    domain_name: demo-account\n    user_name: demo-user\n    \
         password: demo-password",
        world.simulator.url()
    );
    let key = format!("access_key_id: {DEMO_ACCESS_KEY}\n    secret_access_key: {DEMO_SECRET_KEY}");
    let configuration = world.configuration("").replace(&key, &user);
    let mut bridge = Bridge::start(world.folder.path(), "bridge", &configuration);
    let mut written = world.write(drafts(0..20)).await;
    world.all_committed(&mut bridge).await;
    world.simulator.handle().expire_tokens();
    written.extend(world.write(drafts(20..320)).await);
    world.all_committed(&mut bridge).await;
    world.audit(&written).await;
    let paused_ms = bridge.saw("delivery.resumed").await["paused_ms"].as_u64();
    assert!(paused_ms < Some(15_000), "the new token is tried before the first probe's turn: {paused_ms:?}");
    assert_eq!(world.simulator.handle().stats().token_requests, 2);
}
