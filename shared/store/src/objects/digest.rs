//! SHA-256, CRC64NVME and the byte count of a stream in one pass, with a state that survives the process.
//!
//! A file too large for one invocation is hashed over several: the state is saved in the upload's checkpoint.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

/// A running digest.
#[derive(Clone)]
pub struct ContentDigest {
    sha256: Sha256,
    crc64nvme: crc_fast::Digest,
    size_bytes: u64,
}

/// A finished digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digested {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// CRC64NVME in base64, as S3 spells it.
    pub crc64nvme: String,
    /// How many bytes there were.
    pub size_bytes: u64,
}

/// Why a saved state can not be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the saved state of a digest is damaged")]
pub struct DigestStateError;

/// The form of the saved state; a state of another form is refused, and its work starts over.
const FORM: &str = "1";

impl Default for ContentDigest {
    fn default() -> Self {
        Self {
            sha256: Sha256::new(),
            crc64nvme: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme),
            size_bytes: 0,
        }
    }
}

impl std::fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentDigest").field("size_bytes", &self.size_bytes).finish_non_exhaustive()
    }
}

impl ContentDigest {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.crc64nvme.update(bytes);
        self.size_bytes = self.size_bytes.saturating_add(bytes.len() as u64);
    }

    /// How many bytes were taken in.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the digest of all bytes taken in.
    pub fn finish(self) -> Digested {
        Digested {
            sha256: hex::encode(self.sha256.finalize()),
            crc64nvme: BASE64_STANDARD.encode(self.crc64nvme.finalize().to_be_bytes()),
            size_bytes: self.size_bytes,
        }
    }

    /// Returns the state as text, from which [`ContentDigest::restore`] goes on.
    pub fn save(&self) -> String {
        let sha256 = hex::encode(self.sha256.serialize());
        format!("{FORM}.{}.{:016x}.{sha256}", self.size_bytes, self.crc64nvme.get_state())
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// When `saved` is not what [`ContentDigest::save`] returned.
    pub fn restore(saved: &str) -> Result<Self, DigestStateError> {
        Self::parse(saved).ok_or(DigestStateError)
    }

    fn parse(saved: &str) -> Option<Self> {
        let mut parts = saved.split('.');
        let (form, size, crc, sha) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if form != FORM || parts.next().is_some() {
            return None;
        }
        let size_bytes: u64 = size.parse().ok()?;
        let crc = u64::from_str_radix(crc, 16).ok()?;
        let sha = hex::decode(sha).ok()?;
        // Behind the eight words stands how many blocks were taken in; one that does not fit the size is no state of ours,
        // and would overflow.
        let blocks = sha.get(32..40)?.try_into().map(u64::from_le_bytes).ok()?;
        if blocks != size_bytes / 64 {
            return None;
        }
        let sha256 = Sha256::deserialize(&sha.as_slice().try_into().ok()?).ok()?;
        let crc64nvme = crc_fast::Digest::new_with_init_state(CrcAlgorithm::Crc64Nvme, crc);
        Some(Self { sha256, crc64nvme, size_bytes })
    }
}

/// Spells a SHA-256 in hex as S3's headers want it: base64.
pub(crate) fn hex_to_base64(sha256: &str) -> Option<String> {
    let bytes = hex::decode(sha256).ok()?;
    (bytes.len() == 32).then(|| BASE64_STANDARD.encode(bytes))
}

/// Spells a checksum of S3's in hex.
pub(crate) fn base64_to_hex(checksum: &str) -> Option<String> {
    BASE64_STANDARD.decode(checksum).ok().map(hex::encode)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(bytes: &[u8]) -> Digested {
        let mut digest = ContentDigest::default();
        digest.update(bytes);
        digest.finish()
    }

    #[test]
    fn prints_the_published_check_values() {
        let digested = digest(b"123456789");
        // The check value of CRC-64/NVME is 0xAE8B14860A799888.
        assert_eq!(digested.crc64nvme, BASE64_STANDARD.encode(0xAE8B_1486_0A79_9888_u64.to_be_bytes()));
        assert_eq!(digested.sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
        assert_eq!(digested.size_bytes, 9);
        let empty = digest(b"");
        assert_eq!(empty.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(empty.crc64nvme, "AAAAAAAAAAA=");
    }

    #[test]
    fn refuses_a_damaged_state() {
        let saved = ContentDigest::default().save();
        for bad in
            ["", "1", "2.0.0.0", "1.x.0.0", &saved[1..], &saved[..saved.len() - 2], &format!("{saved}.0")]
        {
            assert_eq!(ContentDigest::restore(bad).unwrap_err(), DigestStateError, "{bad}");
        }
    }

    #[test]
    fn hex_and_base64_are_one_checksum() {
        let hex = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225";
        assert_eq!(base64_to_hex(&hex_to_base64(hex).unwrap()).unwrap(), hex);
        assert_eq!(hex_to_base64("15e2"), None);
        assert_eq!(hex_to_base64("é"), None);
    }

    proptest! {
        #[test]
        fn any_split_and_any_interruption_gives_the_digest_of_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..5000),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..8),
        ) {
            let mut cuts: Vec<_> =
                cuts.into_iter().map(|(at, saved)| (at.index(bytes.len() + 1), saved)).collect();
            cuts.sort_unstable();
            let mut running = ContentDigest::default();
            let mut from = 0;
            for (at, interrupted) in cuts {
                running.update(&bytes[from..at]);
                from = at;
                if interrupted {
                    running = ContentDigest::restore(&running.save()).unwrap();
                }
            }
            running.update(&bytes[from..]);
            prop_assert_eq!(running.finish(), digest(&bytes));
        }

        #[test]
        fn any_text_as_a_state_is_refused_or_taken_without_a_panic(text in "1\\.[0-9]{1,3}\\.[0-9a-f]{16}\\.[0-9a-f]{0,220}") {
            if let Ok(mut running) = ContentDigest::restore(&text) {
                running.update(b"more");
                let _ = running.finish();
            }
        }
    }
}
