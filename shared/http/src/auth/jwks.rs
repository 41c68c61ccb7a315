//! The issuer's public keys: fetched when one is unknown, at most once a minute, and good for a day without the issuer (B34).

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
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
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

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

/// Whether the modulus has 2,048 to 8,192 bits and the exponent is odd and at least 65,537 (FIPS 186-5, 5.4): below, a
/// signature can be made without the private key; above, checking one costs too much.
fn is_strong(modulus: &str, exponent: &str) -> bool {
    let number = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let (Some(modulus), Some(exponent)) = (number(modulus), number(exponent)) else { return false };
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    RSA_BITS.contains(&bits(&modulus)) && is_odd(&modulus) && bits(&exponent) > 16 && is_odd(&exponent)
}

/// The bits of a big-endian number, leading zeros left out.
fn bits(number: &[u8]) -> usize {
    match number.iter().position(|byte| *byte != 0) {
        Some(first) => {
            let lead = number.get(first).map_or(0, |byte| byte.leading_zeros() as usize);
            (number.len() - first) * 8 - lead
        }
        None => 0,
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
        if !is_strong(&n, &e) {
            tracing::warn!("a key of the issuer is too weak and was left out");
            continue;
        }
        if let Ok(key) = DecodingKey::from_rsa_components(&n, &e) {
            keys.insert(kid, Arc::new(key));
        }
    }
    if keys.is_empty() {
        return Err(KeySetError::Fetch("the document has no RSA signature key".to_owned()));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a key set of one key with that modulus and exponent gives a key.
    fn taken(modulus: &[u8], exponent: &[u8]) -> bool {
        let [n, e] = [modulus, exponent].map(|number| BASE64_URL_SAFE_NO_PAD.encode(number));
        let document = serde_json::json!({ "keys": [{ "kid": "k", "kty": "RSA", "n": n, "e": e }] });
        parse(document.to_string().as_bytes()).is_ok()
    }

    fn modulus(bits: usize) -> Vec<u8> {
        let mut bytes = vec![0xFF_u8; bits.div_ceil(8)];
        if !bits.is_multiple_of(8) {
            bytes[0] = 0xFF >> (8 - bits % 8);
        }
        bytes
    }

    #[test]
    fn b33_weak_keys_of_the_issuer_are_not_used() {
        let usual = [1, 0, 1];
        for bits in [2048, 2049, 3072, 4096, 8192] {
            assert!(taken(&modulus(bits), &usual), "{bits}");
        }
        for bits in [0, 1, 512, 1024, 1536, 2047, 8193, 16_384] {
            assert!(!taken(&modulus(bits), &usual), "{bits}");
        }
        let padded = [vec![0_u8; 128], modulus(1024)].concat();
        assert!(!taken(&padded, &usual), "leading zeros do not make a key longer");
        let mut even = modulus(2048);
        even[255] = 0xFE;
        assert!(!taken(&even, &usual));
        for exponent in [&[][..], &[0], &[1], &[3], &[0, 0, 1], &[1, 0, 0], &[0xFF, 0xFF]] {
            assert!(!taken(&modulus(2048), exponent), "{exponent:?}");
        }
    }

    #[test]
    fn a_weak_key_beside_a_strong_one_is_left_out() {
        let [strong, weak] = [2048, 1024].map(|bits| BASE64_URL_SAFE_NO_PAD.encode(modulus(bits)));
        let key = |kid: &str, n: &str| serde_json::json!({ "kid": kid, "kty": "RSA", "n": n, "e": "AQAB" });
        let document = serde_json::json!({ "keys": [key("a", &strong), key("b", &weak)] });
        let keys = parse(document.to_string().as_bytes()).unwrap();
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["a"]);
    }
}
