//! Users and API keys, read from the store and remembered for less than a minute (B35).

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use vitrine_domain::Timestamp;
use vitrine_domain::actor::{ApiKey, User};
use vitrine_domain::ids::UserId;
use vitrine_domain::session::{Session, SessionId};

/// The directory did not answer.
#[derive(Debug, thiserror::Error)]
#[error("users and keys can not be read now")]
pub struct Unavailable;

/// A future of an answer of the directory.
pub type Looked<'a, T> = Pin<Box<dyn Future<Output = Result<Option<T>, Unavailable>> + Send + 'a>>;

/// Where users and API keys are kept.
pub trait Directory: Send + Sync {
    /// A user by id.
    fn user<'a>(&'a self, id: &'a UserId) -> Looked<'a, User>;
    /// A browser's session.
    fn session<'a>(&'a self, id: &'a SessionId) -> Looked<'a, Session>;
    /// An API key by its hash.
    fn key_by_hash<'a>(&'a self, hash: &'a str) -> Looked<'a, ApiKey>;
}

/// How long an answer is remembered, in milliseconds: below the 60 s in which a revocation must hold everywhere.
const REMEMBERED_MS: i64 = 45_000;
/// Above so many answers all are forgotten.
const MAX_REMEMBERED: usize = 2_000;

type Memory<K, V> = Mutex<HashMap<K, (i64, V)>>;

/// A directory with a short memory in front.
pub struct CachedDirectory {
    directory: Arc<dyn Directory>,
    users: Memory<UserId, User>,
    keys: Memory<String, ApiKey>,
    sessions: Memory<SessionId, Session>,
}

impl CachedDirectory {
    /// Remembers what `directory` answers.
    pub fn new(directory: Arc<dyn Directory>) -> Self {
        Self { directory, users: Mutex::default(), keys: Mutex::default(), sessions: Mutex::default() }
    }

    /// A user by id.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn user(&self, id: &UserId, now: Timestamp) -> Result<Option<User>, Unavailable> {
        if let Some(known) = recall(&self.users, id, now) {
            return Ok(Some(known));
        }
        let found = self.directory.user(id).await?;
        remember(&self.users, id.clone(), &found, now);
        Ok(found)
    }

    /// An API key by its hash.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn key(&self, hash: &str, now: Timestamp) -> Result<Option<ApiKey>, Unavailable> {
        if let Some(known) = self.remembered_key(hash, now) {
            return Ok(Some(known));
        }
        let found = self.directory.key_by_hash(hash).await?;
        remember(&self.keys, hash.to_owned(), &found, now);
        Ok(found)
    }

    /// A browser's session. One that was ended is known here for less than a minute more.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn session(&self, id: &SessionId, now: Timestamp) -> Result<Option<Session>, Unavailable> {
        if let Some(known) = recall(&self.sessions, id, now) {
            return Ok(Some(known));
        }
        let found = self.directory.session(id).await?;
        remember(&self.sessions, id.clone(), &found, now);
        Ok(found)
    }

    /// Forgets a session that was ended here.
    pub fn forget_session(&self, id: &SessionId) {
        self.sessions.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(id);
    }

    /// An API key by its hash, if it was found a moment ago; asks nobody.
    pub fn remembered_key(&self, hash: &str, now: Timestamp) -> Option<ApiKey> {
        recall(&self.keys, hash, now)
    }
}

fn recall<K, V, Q>(memory: &Memory<K, V>, key: &Q, now: Timestamp) -> Option<V>
where
    K: Hash + Eq + Borrow<Q>,
    V: Clone,
    Q: Hash + Eq + ?Sized,
{
    let memory = memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (at, answer) = memory.get(key)?;
    (0..REMEMBERED_MS).contains(&(now.as_millisecond() - at)).then(|| answer.clone())
}

/// Only what was found is remembered: a key that was just made works at once, and guesses fill nothing.
fn remember<K: Hash + Eq, V: Clone>(memory: &Memory<K, V>, key: K, answer: &Option<V>, now: Timestamp) {
    let Some(answer) = answer else { return };
    let mut memory = memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if memory.len() >= MAX_REMEMBERED {
        memory.clear();
    }
    memory.insert(key, (now.as_millisecond(), answer.clone()));
}
