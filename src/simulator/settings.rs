//! How a simulator is set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc::UnboundedSender;

use super::faults::{Faults, InstanceIds};
use super::store::Arrival;
use super::world::World;

/// The access key that is known where no other is given. Not a secret: it opens nothing but simulators.
pub const DEMO_ACCESS_KEY: &str = "ALERTBRIDGEDEMOKEY01";

/// The secret of [`DEMO_ACCESS_KEY`].
pub const DEMO_SECRET_KEY: &str = "alertbridge-demo-secret-key-0000000000001";

/// What identity providers and pod identity know the bridge by, where no other token is given.
pub const DEMO_ID_TOKEN: &str = "alertbridge-demo-id-token";

/// An IAM user that may fetch tokens.
#[derive(Clone, Debug)]
pub struct IamUser {
    /// The account's name.
    pub domain_name: String,
    /// The user's name.
    pub user_name: String,
    /// The user's password.
    pub password: SecretString,
}

/// A server certificate.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, PEM.
    pub certificate: Vec<u8>,
    /// The private key, PEM.
    pub key: SecretString,
}

/// The set-up of a simulator. The default: a free loopback port, plain HTTP, the demo key and user.
#[derive(Clone, Debug)]
pub struct SimulatorSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Speaks TLS if given.
    pub tls: Option<TlsFiles>,
    /// The known access keys and their secrets.
    pub access_keys: Vec<(String, SecretString)>,
    /// The known IAM users.
    pub iam_users: Vec<IamUser>,
    /// The token for which federation and pod identity give out keys.
    pub id_token: SecretString,
    /// How long a token is good for, and a temporary key whose life is not asked for. Default: 24 h.
    pub token_lifetime: Duration,
    /// How long an access key is locked after more than five bad signatures in a row. Default: 5 min.
    pub key_lockout: Duration,
    /// For benchmarks: bodies are hardly judged and not kept, only ids and counts.
    pub lean: bool,
    /// Whether signatures and tokens are verified. Turned off only for benchmarks.
    pub verify: bool,
    /// How many raw requests are kept for `/_simulator/requests`. Default: 100.
    pub keep_requests: usize,
    /// Makes chance repeatable.
    pub seed: Option<u64>,
    /// What callers' instance ids are taken for, unless the faults say otherwise. Default: honoured.
    pub instance_ids: InstanceIds,
    /// How long instances run, unless the faults say otherwise; none (the default): for ever.
    pub run_for: Option<Duration>,
    /// What there is to begin with. Default: nothing, and whichever workflow is asked for exists.
    pub world: World,
    /// A file in which everything that was created is kept from one start to the next; it wins over `world`.
    pub state_file: Option<PathBuf>,
    /// The faults to begin with.
    pub faults: Faults,
    /// Is told of every request to SecMaster as it comes, whatever becomes of it.
    pub observer: Option<UnboundedSender<Arrival>>,
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            access_keys: vec![(DEMO_ACCESS_KEY.to_owned(), SecretString::from(DEMO_SECRET_KEY))],
            iam_users: vec![IamUser {
                domain_name: "demo-account".to_owned(),
                user_name: "demo-user".to_owned(),
                password: SecretString::from("demo-password"),
            }],
            id_token: SecretString::from(DEMO_ID_TOKEN),
            token_lifetime: Duration::from_secs(24 * 3_600),
            key_lockout: Duration::from_secs(300),
            lean: false,
            verify: true,
            keep_requests: 100,
            seed: None,
            instance_ids: InstanceIds::default(),
            run_for: None,
            world: World::default(),
            state_file: None,
            faults: Faults::default(),
            observer: None,
        }
    }
}
