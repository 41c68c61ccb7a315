//! Putting refused bytes aside, where nothing registers or serves them.

use aws_sdk_s3::types::MetadataDirective;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::names::copy_source;
use super::{Bucket, Objects, ObjectsError};

/// The prefix of the incoming bucket that raises no event and that nobody serves; its objects are deleted in time.
const PREFIX: &str = "quarantine/";
/// S3's limit.
const MAX_KEY_BYTES: usize = 1024;
/// S3 takes 2 KB of metadata for an object; the reason gets a part of it.
const MAX_REASON_BYTES: usize = 1000;

/// What became of refused bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quarantined {
    /// They are at `key` in the incoming bucket.
    Moved {
        /// The key.
        key: String,
    },
    /// They are too large to be moved in one call and stay where they are, unregistered.
    Left,
    /// They were gone already: an earlier try moved them.
    Gone,
}

impl Objects {
    /// Moves a version of an upload aside and notes the reason with it. Doing it again is no error.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn quarantine(
        &self,
        key: &str,
        version: Option<&str>,
        reason: &str,
    ) -> Result<Quarantined, ObjectsError> {
        let Some(head) = self.head(Bucket::Incoming, key, version).await? else {
            return Ok(Quarantined::Gone);
        };
        if !self.copies_whole(head.size_bytes) {
            return Ok(Quarantined::Left);
        }
        let incoming = self.bucket_name(Bucket::Incoming);
        let aside = quarantine_key(key, version);
        let copied = self
            .s3
            .copy_object()
            .copy_source(copy_source(incoming, key, version))
            .bucket(incoming)
            .key(&aside)
            .metadata_directive(MetadataDirective::Replace)
            .content_type("application/octet-stream")
            .metadata("reason", header_text(reason))
            .customize()
            .config_override(super::copy::patient())
            .send()
            .await
            .map_err(|error| ObjectsError::of("CopyObject", key, error));
        match copied {
            Ok(_) => {}
            Err(ObjectsError::NotFound { .. }) => return Ok(Quarantined::Gone),
            Err(error) => return Err(error),
        }
        self.delete_version(Bucket::Incoming, key, version).await?;
        Ok(Quarantined::Moved { key: aside })
    }
}

/// Where a version is put aside: beside its fellows, under a key that fits.
fn quarantine_key(key: &str, version: Option<&str>) -> String {
    let version = version.unwrap_or("unversioned");
    let whole = format!("{PREFIX}{key}/{version}");
    if whole.len() <= MAX_KEY_BYTES {
        return whole;
    }
    let digest = hex::encode(Sha256::digest(key.as_bytes()));
    let version: String = version.chars().take(64).collect();
    format!("{PREFIX}long/{digest}/{version}")
}

/// What a header's text keeps as it is.
const HEADER_TEXT: &AsciiSet = &NON_ALPHANUMERIC.remove(b' ').remove(b'.').remove(b'-');

/// `text` as a header can carry it, cut where it is too long.
fn header_text(text: &str) -> String {
    let mut encoded = utf8_percent_encode(text, HEADER_TEXT).to_string();
    encoded.truncate(MAX_REASON_BYTES);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b4_a_long_key_gets_a_short_one_in_quarantine() {
        assert_eq!(quarantine_key("intent/71", Some("v1")), "quarantine/intent/71/v1");
        let long = quarantine_key(&"é".repeat(512), Some("v1"));
        assert!(long.len() <= MAX_KEY_BYTES);
        assert_ne!(long, quarantine_key(&"è".repeat(512), Some("v1")));
    }

    #[test]
    fn a_reason_can_not_break_a_header() {
        let text = header_text(&"é\r\nx: y".repeat(500));
        assert!(text.len() <= MAX_REASON_BYTES && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
}
