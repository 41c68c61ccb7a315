//! API keys: random, shown once, kept as a hash.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

pub use vitrine_app::users::hash_key;

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
