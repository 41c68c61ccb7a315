//! S3: signing for uploads and downloads, reading, copying, quarantine.
//!
//! Bytes of clients never pass through here on upload or download: clients get signed requests for exactly one key.
//! What is read here is read in chunks. A key that is written once for all is written create-only.

mod copy;
mod digest;
mod error;
mod folder;
mod form;
mod multipart;
mod names;
mod parts;
mod quarantine;
mod read;
mod sign;
mod write;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::{Region, RequestChecksumCalculation};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, Delete, ObjectIdentifier, ObjectVersion,
};
use bytes::Bytes;
use jiff::Timestamp;

use crate::clients::Clients;

pub use copy::{Copied, CopyLimits, CopyProgress, CopySource, CopyTarget, S3_COPY_LIMITS};
pub use digest::{ContentDigest, DigestStateError, Digested};
pub use error::ObjectsError;
pub use folder::{ListedObject, Listing};
pub use form::SignedForm;
pub use multipart::{Completed, PartChecksums, UploadedPart};
pub use names::{Disposition, content_disposition};
pub use quarantine::Quarantined;
pub use read::ObjectReader;
pub use sign::{SignedGet, SignedRequest};
pub use write::ObjectWriter;

/// The names of the buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// Where uploads arrive.
    pub incoming: String,
    /// Registered bytes.
    pub content: String,
    /// Thumbnails and whatever else can be made again.
    pub derivatives: String,
    /// Reports, exports and published files.
    pub published: String,
    /// Seals over audit rows: written once, never over (ADR 0010).
    pub audit: String,
}

/// One of the buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Where uploads arrive.
    Incoming,
    /// Registered bytes.
    Content,
    /// Thumbnails.
    Derivatives,
    /// Reports, exports and published files.
    Published,
    /// Seals over audit rows.
    Audit,
}

/// What the object store knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// How many bytes.
    pub size_bytes: u64,
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// The type that was given when it was stored.
    pub content_type: Option<String>,
    /// The entity tag as sent, with its quotes.
    pub etag: Option<String>,
    /// When it was stored.
    pub last_modified: Option<Timestamp>,
}

/// What the object store says of the bytes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// How many bytes.
    pub size_bytes: u64,
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// SHA-256 of the whole in hex, where it is kept.
    pub sha256: Option<String>,
    /// CRC64NVME of the whole in base64, where it is kept.
    pub crc64nvme: Option<String>,
}

/// A version of a key, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// The key.
    pub key: String,
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// How many bytes.
    pub size_bytes: u64,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// When it was stored.
    pub last_modified: Option<Timestamp>,
}

/// The buckets and how to reach them.
#[derive(Debug, Clone)]
pub struct Objects {
    s3: aws_sdk_s3::Client,
    /// Signs without adding a checksum of an empty body, which a presigned PUT would then insist on.
    signer: aws_sdk_s3::Client,
    credentials: Option<SharedCredentialsProvider>,
    region: Option<Region>,
    buckets: Buckets,
    /// What is copied whole, and in which parts the rest.
    pub copy_limits: CopyLimits,
}

impl Objects {
    /// The buckets named `buckets`, reached through `clients`.
    pub fn new(clients: &Clients, buckets: Buckets) -> Self {
        let signer = clients
            .s3
            .config()
            .to_builder()
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Self {
            s3: clients.s3.clone(),
            signer: aws_sdk_s3::Client::from_conf(signer),
            credentials: clients.config().credentials_provider(),
            region: clients.config().region().cloned(),
            buckets,
            copy_limits: S3_COPY_LIMITS,
        }
    }

    /// The name of a bucket.
    pub fn bucket_name(&self, bucket: Bucket) -> &str {
        match bucket {
            Bucket::Incoming => &self.buckets.incoming,
            Bucket::Content => &self.buckets.content,
            Bucket::Derivatives => &self.buckets.derivatives,
            Bucket::Published => &self.buckets.published,
            Bucket::Audit => &self.buckets.audit,
        }
    }

    /// Returns what is known of an object; `None` where there is none or where it was deleted.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn head(
        &self,
        bucket: Bucket,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<ObjectHead>, ObjectsError> {
        let answer = self
            .s3
            .head_object()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .send()
            .await
            .map_err(|error| ObjectsError::of("HeadObject", key, error));
        let answer = match answer {
            Ok(answer) => answer,
            Err(ObjectsError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(ObjectHead {
            size_bytes: size(answer.content_length),
            version_id: version_id(answer.version_id),
            content_type: answer.content_type,
            etag: answer.e_tag,
            last_modified: answer.last_modified.and_then(timestamp),
        }))
    }

    /// What the object store says of the bytes of an object, as far as it keeps checksums of the whole; `None` where there
    /// is none or where it was deleted.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn inspect(
        &self,
        bucket: Bucket,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Inspected>, ObjectsError> {
        let answer = self
            .s3
            .head_object()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|error| ObjectsError::of("HeadObject", key, error));
        let answer = match answer {
            Ok(answer) => answer,
            Err(ObjectsError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        // A checksum of the parts' checksums says nothing that can be compared.
        let of_the_whole = answer.checksum_type != Some(ChecksumType::Composite);
        let whole = |checksum: Option<String>| checksum.filter(|_| of_the_whole);
        Ok(Some(Inspected {
            size_bytes: size(answer.content_length),
            version_id: version_id(answer.version_id),
            sha256: whole(answer.checksum_sha256).and_then(|sum| digest::base64_to_hex(&sum)),
            crc64nvme: whole(answer.checksum_crc64_nvme),
        }))
    }

    /// Stores a small object and returns its version; with `create_only`, only where there is none.
    ///
    /// # Errors
    /// [`ObjectsError::PreconditionFailed`] where there is one and it was create-only.
    pub async fn put_small(
        &self,
        bucket: Bucket,
        key: &str,
        bytes: Bytes,
        content_type: &str,
        create_only: bool,
    ) -> Result<Option<String>, ObjectsError> {
        let answer = self
            .s3
            .put_object()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .content_type(content_type)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_if_none_match(create_only.then(|| "*".to_owned()))
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| ObjectsError::of("PutObject", key, error))?;
        Ok(version_id(answer.version_id))
    }

    /// Deletes a version for good; deleting what is not there is no error.
    ///
    /// Without a version, in a bucket that keeps versions, only a delete marker is set.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn delete_version(
        &self,
        bucket: Bucket,
        key: &str,
        version: Option<&str>,
    ) -> Result<(), ObjectsError> {
        let answer = self
            .s3
            .delete_object()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .send()
            .await
            .map_err(|error| ObjectsError::of("DeleteObject", key, error));
        match answer {
            Ok(_) | Err(ObjectsError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes up to 1,000 objects in one call, as [`Self::delete_version`] does without versions.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`], also where only some could not be deleted.
    pub async fn delete_all(&self, bucket: Bucket, keys: &[String]) -> Result<(), ObjectsError> {
        const OPERATION: &str = "DeleteObjects";
        // What XML can not say goes alone, in an address.
        let alone =
            |key: &&String| key.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
        let (alone, together): (Vec<_>, Vec<_>) = keys.iter().partition(alone);
        for key in alone {
            self.delete_version(bucket, key, None).await?;
        }
        if together.is_empty() {
            return Ok(());
        }
        let objects = together.into_iter().map(|key| ObjectIdentifier::builder().key(key).build());
        let delete = objects
            .collect::<Result<Vec<_>, _>>()
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
        let delete = delete.map_err(|error| ObjectsError::refused(OPERATION, error.to_string()))?;
        let answer = self
            .s3
            .delete_objects()
            .bucket(self.bucket_name(bucket))
            .delete(delete)
            .send()
            .await
            .map_err(|error| ObjectsError::of(OPERATION, "", error))?;
        match answer.errors.unwrap_or_default().into_iter().next() {
            None => Ok(()),
            Some(error) => Err(ObjectsError::of_one(OPERATION, &error)),
        }
    }

    /// Lists at most `limit` versions of keys that start with `prefix`, delete markers left out.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn list_versions(
        &self,
        bucket: Bucket,
        prefix: &str,
        limit: u16,
    ) -> Result<Vec<ListedVersion>, ObjectsError> {
        let answer = self
            .s3
            .list_object_versions()
            .bucket(self.bucket_name(bucket))
            .prefix(prefix)
            .max_keys(i32::from(limit.min(1000)))
            .send()
            .await
            .map_err(|error| ObjectsError::of("ListObjectVersions", prefix, error))?;
        Ok(answer.versions.unwrap_or_default().into_iter().filter_map(listed).collect())
    }
}

fn listed(version: ObjectVersion) -> Option<ListedVersion> {
    Some(ListedVersion {
        key: version.key?,
        version_id: version_id(version.version_id),
        size_bytes: size(version.size),
        is_latest: version.is_latest.unwrap_or_default(),
        last_modified: version.last_modified.and_then(timestamp),
    })
}

/// S3 calls the version of an object in a bucket without versions `null`.
fn version_id(version: Option<String>) -> Option<String> {
    version.filter(|version| !version.is_empty() && version != "null")
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default()
}

#[allow(clippy::needless_pass_by_value, reason = "fits Option::and_then")]
fn timestamp(instant: aws_sdk_s3::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::new(instant.secs(), i32::try_from(instant.subsec_nanos()).ok()?).ok()
}
