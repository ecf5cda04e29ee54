//! The tokens that brokers are shown under OAUTHBEARER: one for all clients of the process, asked for by a thread of
//! its own, so that no callback waits for a token endpoint (promise 4: one that is away is waited for).

mod state;

use std::error::Error;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use rdkafka::client::OAuthToken;
use rdkafka::error::RDKafkaErrorCode;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use self::state::{SHORTEST, TokenState};
use super::ClientError;

/// The longest that a client waits for the first token. Afterwards there is one, or a reason why not.
const FIRST: Duration = Duration::from_secs(5);
/// The longest that one question to the endpoint is waited for.
const QUESTION: Duration = Duration::from_secs(15);

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token: printable ASCII.
    pub secret: SecretString,
    /// How long it lives from now on.
    pub lifetime: Duration,
}

/// Asks for a token. An error is a text for people without a secret.
type Ask = dyn Fn() -> Result<Token, String> + Send + Sync;

/// The tokens of a process. Cheap to clone; all clones are one. Nothing is asked for before the first client wants a
/// token, and nothing any more once all clones are gone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    principal: String,
    ask: Arc<Ask>,
    shared: Arc<Shared>,
    /// Wakes the thread; empty until it is started, `None` if it cannot be.
    bell: OnceLock<Option<Sender<()>>>,
}

struct Shared {
    state: Mutex<TokenState>,
    ended: Condvar,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

impl Tokens {
    /// Tokens of this principal (a name for librdkafka's own texts), asked for by `ask`, which may block for seconds.
    pub fn new(principal: String, ask: impl Fn() -> Result<Token, String> + Send + Sync + 'static) -> Self {
        let shared = Shared { state: Mutex::new(TokenState::new(Instant::now())), ended: Condvar::new() };
        Self(Arc::new(Inner { principal, ask: Arc::new(ask), shared: Arc::new(shared), bell: OnceLock::new() }))
    }

    /// A token for librdkafka. Waits only where the first answer is still on its way.
    pub(super) fn lease(&self) -> Result<OAuthToken, ClientError> {
        self.start();
        let state = self.0.shared.wait(FIRST, |state| state.ended() > 0);
        let lease = state.lease(Instant::now()).ok_or_else(|| no_token(&state))?;
        drop(state);
        let until = SystemTime::now() + lease.lifetime;
        let until = until.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(OAuthToken {
            token: lease.secret.expose_secret().to_owned(),
            principal_name: self.0.principal.clone(),
            lifetime_ms: i64::try_from(until.as_millis()).unwrap_or(i64::MAX),
        })
    }

    /// Asks for another token and waits until that has ended, some seconds. The one at hand stays if it fails.
    pub(super) fn renew(&self) -> Result<(), ClientError> {
        let ends = self.ask_anew();
        self.answered(ends)
    }

    /// Asks for another token. Says how often asking has ended when that is there.
    fn ask_anew(&self) -> u64 {
        self.start();
        let ends = self.0.shared.state().ask_now(Instant::now());
        self.ring();
        ends
    }

    /// Waits for that, and for the question before it.
    fn answered(&self, ends: u64) -> Result<(), ClientError> {
        let state = self.0.shared.wait(QUESTION * 2, |state| state.ended() >= ends);
        if state.ended() >= ends && state.error().is_none() { Ok(()) } else { Err(no_token(&state)) }
    }

    /// A client has a trouble. One of authentication may mean that the token is not good any more.
    pub(super) fn trouble(&self, code: Option<RDKafkaErrorCode>) {
        use RDKafkaErrorCode as Code;
        if matches!(code, Some(Code::Authentication | Code::SaslAuthenticationFailed))
            && self.0.shared.state().refused(Instant::now())
        {
            self.ring();
        }
    }

    fn start(&self) {
        let _bell = self.0.bell.get_or_init(|| {
            let (bell, rung) = channel();
            let (shared, ask) = (Arc::clone(&self.0.shared), Arc::clone(&self.0.ask));
            let keep = move || keep(&shared, &*ask, &rung);
            // Without the thread there is no token, and the clients say so.
            thread::Builder::new().name("kafka-tokens".to_owned()).spawn(keep).ok().map(|_detached| bell)
        });
    }

    fn ring(&self) {
        if let Some(Some(bell)) = self.0.bell.get() {
            // The thread ends with the last clone only.
            let _ended = bell.send(());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, TokenState> {
        // Nobody can panic while changing it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done`, at most for `bound`.
    fn wait(&self, bound: Duration, done: impl Fn(&TokenState) -> bool) -> MutexGuard<'_, TokenState> {
        let waited = self.ended.wait_timeout_while(self.state(), bound, |state| !done(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// librdkafka's question for a token, answered.
pub(super) fn answer(tokens: Option<&Tokens>) -> Result<OAuthToken, Box<dyn Error>> {
    let tokens = tokens.ok_or("kafka.security.oauth is not set")?;
    tokens.lease().map_err(Into::into)
}

fn no_token(state: &TokenState) -> ClientError {
    ClientError(format!("no token for Kafka: {}", state.error().unwrap_or("the token endpoint has not answered yet")))
}

/// Whether a token is worth having: one that has begun to live so shortly is not; what is left of the one at hand is.
fn worth_having(token: Token, state: &TokenState, now: Instant) -> Result<Token, String> {
    let (lives, shortest) = (token.lifetime.as_secs_f64(), SHORTEST.as_secs());
    let is_worth_it = token.lifetime >= SHORTEST || state.is_the_rest(&token.secret, token.lifetime, now);
    is_worth_it.then_some(token).ok_or_else(|| format!("the token lives for {lives} s only; {shortest} s are needed"))
}

/// The thread: asks whenever a token is due.
fn keep(shared: &Shared, ask: &Ask, rung: &Receiver<()>) {
    loop {
        let wait = shared.state().due().saturating_duration_since(Instant::now());
        match rung.recv_timeout(wait) {
            Ok(()) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        shared.state().asks();
        let asked = ask();
        let now = Instant::now();
        let asked = asked.and_then(|token| worth_having(token, &shared.state(), now));
        match asked {
            Ok(Token { secret, lifetime }) => {
                shared.state().granted(secret, lifetime, now);
                let lifetime_seconds = lifetime.as_secs();
                tracing::info!(event = "kafka.token_fetched", lifetime_seconds, "a token for Kafka was fetched");
            }
            Err(error) => {
                let wait = shared.state().failed(error.clone(), now, &mut rand::rng());
                let retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(event = "kafka.token_failed", error, retry_in_ms, "no token for Kafka; trying on");
            }
        }
        shared.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn counted(answer: impl Fn(usize) -> Result<Token, String> + Send + Sync + 'static) -> (Tokens, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let tokens = Tokens::new("soc".to_owned(), move || answer(count.fetch_add(1, Ordering::SeqCst)));
        (tokens, asked)
    }

    fn token(secret: String) -> Token {
        Token { secret: secret.into(), lifetime: Duration::from_secs(600) }
    }

    #[test]
    fn many_clients_at_once_cost_one_question() {
        let (tokens, asked) = counted(|n| Ok(token(format!("t{n}"))));
        assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody has wanted one yet");
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let tokens = tokens.clone();
                thread::spawn(move || tokens.lease().unwrap().token)
            })
            .collect();
        let leased: Vec<String> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        assert_eq!(leased, ["t0"; 8]);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_renewal_that_fails_leaves_the_token_at_hand() {
        let (tokens, _) = counted(|n| if n == 1 { Err("away".to_owned()) } else { Ok(token(format!("t{n}"))) });
        assert_eq!(tokens.lease().unwrap().token, "t0");
        assert_eq!(tokens.renew().unwrap_err().to_string(), "no token for Kafka: away");
        assert_eq!(tokens.lease().unwrap().token, "t0");
        tokens.renew().unwrap();
        assert_eq!(tokens.lease().unwrap().token, "t2");
    }

    #[test]
    fn a_token_that_lives_for_moments_is_a_failure_that_is_followed_by_a_wait() {
        for (millis, lives) in [(1, "0.001"), (9_500, "9.5")] {
            let (tokens, asked) =
                counted(move |_| Ok(Token { lifetime: Duration::from_millis(millis), ..token("t".to_owned()) }));
            let error = tokens.lease().err().unwrap().to_string();
            assert_eq!(error, format!("no token for Kafka: the token lives for {lives} s only; 10 s are needed"));
            let state = tokens.0.shared.state();
            assert_eq!(state.ended(), 1);
            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
    }

    #[test]
    fn what_is_left_of_the_token_at_hand_is_no_failure() {
        let lives = |millis| Token { lifetime: Duration::from_millis(millis), ..token("t".to_owned()) };
        let (tokens, asked) = counted(move |n| Ok(lives(if n == 0 { 10_000 } else { 8_000 })));
        let _leased = tokens.lease().unwrap();
        tokens.renew().unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        assert_eq!(tokens.0.shared.state().error(), None);
    }

    #[test]
    fn a_renewal_does_not_take_the_answer_to_a_question_with_the_old_secret() {
        let ((begin, begun), (go, going)) = (channel(), channel());
        let going = Mutex::new(going);
        let (tokens, _) = counted(move |n| {
            if n == 0 {
                begin.send(()).unwrap();
                going.lock().unwrap().recv().unwrap();
            }
            Ok(token(format!("t{n}")))
        });
        tokens.start();
        begun.recv().unwrap();
        let ends = tokens.ask_anew();
        assert_eq!(ends, 2);
        go.send(()).unwrap();
        tokens.answered(ends).unwrap();
        assert_eq!(tokens.lease().unwrap().token, "t1");
    }

    #[test]
    fn why_there_is_no_token_is_told_and_no_token_is_shown() {
        let (tokens, _) = counted(|_| Err("the token endpoint answered 401".to_owned()));
        assert_eq!(tokens.lease().err().unwrap().to_string(), "no token for Kafka: the token endpoint answered 401");
        let (tokens, _) = counted(|_| Ok(token("hunter2".to_owned())));
        let _leased = tokens.lease().unwrap();
        assert!(!format!("{tokens:?} {:?}", tokens.0.shared.state()).contains("hunter2"));
    }
}
