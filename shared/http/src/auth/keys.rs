//! API keys: random, shown once, kept as a hash.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The hash under which a key is kept: SHA-256 in hex. Keys are random and long, so a slow hash would gain nothing.
pub fn hash_key(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new key of 32 random bytes.
pub fn new_key(random: [u8; 32]) -> String {
    format!("vt_{}", BASE64_URL_SAFE_NO_PAD.encode(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_long_and_its_hash_is_not_it() {
        let key = new_key([7; 32]);
        assert_eq!(key.len(), 46);
        assert_eq!(hash_key(&key).len(), 64);
        assert!(!hash_key(&key).contains(&key));
    }
}
