//! Signed requests: what a client may do with exactly one key, for a short time.

use std::time::Duration;

use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use jiff::{SignedDuration, Timestamp};
use vitrine_domain::upload::{PART_URL_SECONDS, URL_SECONDS, Upload};

use super::digest::hex_to_base64;
use super::names::{Disposition, content_disposition};
use super::{Bucket, Objects, ObjectsError};

/// A request that a client may send as it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The method.
    pub method: String,
    /// The URL, signature included: a secret for as long as it lives.
    pub url: String,
    /// The headers that were signed and must be sent with these values.
    pub headers: Vec<(String, String)>,
    /// When it stops being honoured.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for SignedRequest {
    /// Leaves out the query, which is the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .field("url", &address)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What a signed download shall look like to the browser.
#[derive(Debug, Clone, Copy)]
pub struct SignedGet<'a> {
    /// The bucket.
    pub bucket: Bucket,
    /// The key.
    pub key: &'a str,
    /// The version; `None` for the newest.
    pub version: Option<&'a str>,
    /// The name that the file is saved under.
    pub file_name: &'a str,
    /// The type that the answer has.
    pub mime: &'a str,
    /// Whether it is shown or saved.
    pub disposition: Disposition,
    /// How long the URL lives.
    pub seconds: u64,
}

impl Objects {
    /// Signs a PUT of the one key of `upload`: its exact size, its type and checksum where declared, create-only.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] when the declared checksum is not one, or nothing can be signed with.
    pub async fn presign_put(&self, upload: &Upload, now: Timestamp) -> Result<SignedRequest, ObjectsError> {
        let declared = &upload.declared;
        let lifetime = lifetime(now, URL_SECONDS)?;
        let request = self
            .signer
            .put_object()
            .bucket(self.bucket_name(Bucket::Incoming))
            .key(&upload.source_key)
            .content_length(length(declared.size_bytes)?)
            .set_content_type(declared.mime.clone())
            .set_checksum_sha256(checksum(declared.sha256.as_deref())?)
            .if_none_match("*")
            .presigned(lifetime)
            .await
            .map_err(|error| ObjectsError::of("PutObject", &upload.source_key, error))?;
        signed(&request, now, URL_SECONDS)
    }

    /// Signs the PUT of one part of a multipart upload: its exact length, and its checksum where `sha256` is given.
    ///
    /// S3 takes a part's checksum only where the upload was created with [`super::PartChecksums::Sha256`], and then
    /// wants one for every part.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] when the part can not be or nothing can be signed with.
    pub async fn presign_part(
        &self,
        key: &str,
        multipart_id: &str,
        number: u16,
        length_bytes: u64,
        sha256: Option<&str>,
        now: Timestamp,
    ) -> Result<SignedRequest, ObjectsError> {
        if !(1..=10_000).contains(&number) {
            return Err(ObjectsError::refused("UploadPart", "InvalidPartNumber"));
        }
        let request = self
            .signer
            .upload_part()
            .bucket(self.bucket_name(Bucket::Incoming))
            .key(key)
            .upload_id(multipart_id)
            .part_number(i32::from(number))
            .content_length(length(length_bytes)?)
            .set_checksum_sha256(checksum(sha256)?)
            .presigned(lifetime(now, PART_URL_SECONDS)?)
            .await
            .map_err(|error| ObjectsError::of("UploadPart", key, error))?;
        signed(&request, now, PART_URL_SECONDS)
    }

    /// Signs a download.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] when nothing can be signed with.
    pub async fn presign_get(
        &self,
        get: SignedGet<'_>,
        now: Timestamp,
    ) -> Result<SignedRequest, ObjectsError> {
        let request = self
            .signer
            .get_object()
            .bucket(self.bucket_name(get.bucket))
            .key(get.key)
            .set_version_id(get.version.map(str::to_owned))
            .response_content_type(get.mime)
            .response_content_disposition(content_disposition(get.disposition, get.file_name))
            .presigned(lifetime(now, get.seconds)?)
            .await
            .map_err(|error| ObjectsError::of("GetObject", get.key, error))?;
        signed(&request, now, get.seconds)
    }
}

/// An instant as the SDK counts it.
pub(super) fn system_time(at: Timestamp) -> std::time::SystemTime {
    let since_1970 = Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or_default());
    std::time::UNIX_EPOCH + since_1970
}

pub(super) fn lifetime(now: Timestamp, seconds: u64) -> Result<PresigningConfig, ObjectsError> {
    Ok(PresigningConfig::builder()
        .start_time(system_time(now))
        .expires_in(Duration::from_secs(seconds))
        .build()?)
}

pub(super) fn signed(
    request: &PresignedRequest,
    now: Timestamp,
    seconds: u64,
) -> Result<SignedRequest, ObjectsError> {
    let expires_at = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok())
        .ok_or_else(|| ObjectsError::refused("presign", "InvalidLifetime"))?;
    Ok(SignedRequest {
        method: request.method().to_owned(),
        url: request.uri().to_owned(),
        headers: request
            .headers()
            // The host is in the URL; clients set it themselves.
            .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        expires_at,
    })
}

pub(super) fn length(bytes: u64) -> Result<i64, ObjectsError> {
    i64::try_from(bytes).map_err(|_| ObjectsError::refused("presign", "EntityTooLarge"))
}

/// S3's spelling of a declared checksum.
pub(super) fn checksum(sha256: Option<&str>) -> Result<Option<String>, ObjectsError> {
    let Some(sha256) = sha256 else { return Ok(None) };
    hex_to_base64(sha256).map(Some).ok_or_else(|| ObjectsError::refused("presign", "InvalidDigest"))
}
