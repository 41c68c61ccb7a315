//! The issuer's public keys: fetched when one is unknown, at most once a minute, and good for a day without the issuer (B34).

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use tokio::sync::Mutex as FetchLock;
use vitrine_domain::Timestamp;

use crate::wire::strict_json;

/// Fetches the key set's document. The runtime gives it, so that no HTTP client is linked here.
pub type FetchKeys =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Vec<u8>, KeySetError>> + Send>> + Send + Sync>;

/// The key set is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// The issuer did not answer, or not with a key set.
    #[error("the issuer's key set could not be fetched: {0}")]
    Fetch(String),
    /// There is none that is fresh enough.
    #[error("there is no key set that is fresh enough")]
    Stale,
}

/// An unknown key sends us to the issuer at most once a minute.
const REFETCH_MS: i64 = 60_000;
/// Without any key set, trying again is worth it sooner.
const FIRST_REFETCH_MS: i64 = 5_000;
/// A key that the issuer withdrew is refused after this time, if the issuer answers.
const RENEW_MS: i64 = 10 * 60_000;
const GOOD_FOR_MS: i64 = 24 * 3_600_000;
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 50;

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: Option<String>,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, Arc<DecodingKey>>,
    fetched_ms: Option<i64>,
    tried_ms: Option<i64>,
}

/// The key set of one issuer.
pub struct JwksCache {
    fetch: FetchKeys,
    known: Mutex<Known>,
    /// Held while the issuer is asked, so that one caller asks for all; a caller whose key is known does not wait.
    fetching: FetchLock<()>,
}

impl JwksCache {
    /// A cache that nothing is fetched into yet.
    pub fn new(fetch: FetchKeys) -> Self {
        Self { fetch, known: Mutex::default(), fetching: FetchLock::default() }
    }

    /// The key named `kid`, or `None` where the issuer has no such key.
    ///
    /// # Errors
    /// When the issuer can not be asked and what is known of it is older than a day.
    pub async fn key(&self, kid: &str, now: Timestamp) -> Result<Option<Arc<DecodingKey>>, KeySetError> {
        let now = now.as_millisecond();
        let young = self.young_key(kid, now);
        if young.is_some() {
            return Ok(young);
        }
        let is_known = self.known().keys.contains_key(kid);
        match self.fetching.try_lock() {
            Ok(_guard) => self.renew(now).await,
            // Someone asks already. A key that is known serves meanwhile; for any other, wait for the answer.
            Err(_) if is_known => {}
            Err(_) => drop(self.fetching.lock().await),
        }
        let known = self.known();
        match known.age_ms(now) {
            Some(age) if age < GOOD_FOR_MS => Ok(known.keys.get(kid).cloned()),
            _ => Err(KeySetError::Stale),
        }
    }

    fn young_key(&self, kid: &str, now: i64) -> Option<Arc<DecodingKey>> {
        let known = self.known();
        known.age_ms(now).filter(|age| *age < RENEW_MS)?;
        known.keys.get(kid).cloned()
    }

    async fn renew(&self, now: i64) {
        {
            let mut known = self.known();
            let pause = if known.fetched_ms.is_some() { REFETCH_MS } else { FIRST_REFETCH_MS };
            if known.tried_ms.is_some_and(|at| now - at < pause) {
                return;
            }
            known.tried_ms = Some(now);
        }
        match (self.fetch)().await.and_then(|bytes| parse(&bytes)) {
            Ok(keys) => {
                let mut known = self.known();
                known.keys = keys;
                known.fetched_ms = Some(now);
            }
            Err(error) => tracing::warn!(error = %error, "the issuer's keys were not renewed"),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn age_ms(&self, now: i64) -> Option<i64> {
        self.fetched_ms.map(|at| now - at)
    }
}

/// Takes the RSA signature keys of a document; others are not ours to use.
fn parse(bytes: &[u8]) -> Result<HashMap<String, Arc<DecodingKey>>, KeySetError> {
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(KeySetError::Fetch("the document is too large".to_owned()));
    }
    let value = strict_json::read(bytes, 8).map_err(|error| KeySetError::Fetch(error.to_string()))?;
    let document: Document =
        serde_json::from_value(value).map_err(|error| KeySetError::Fetch(error.to_string()))?;
    let mut keys = HashMap::new();
    for jwk in document.keys.into_iter().take(MAX_KEYS) {
        let signs = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
            && jwk.alg.as_deref().is_none_or(|alg| alg == "RS256");
        let (true, "RSA", Some(kid), Some(n), Some(e)) = (signs, jwk.kty.as_str(), jwk.kid, jwk.n, jwk.e)
        else {
            continue;
        };
        if let Ok(key) = DecodingKey::from_rsa_components(&n, &e) {
            keys.insert(kid, Arc::new(key));
        }
    }
    if keys.is_empty() {
        return Err(KeySetError::Fetch("the document has no RSA signature key".to_owned()));
    }
    Ok(keys)
}
