//! Folders of the upload area: what has arrived, and signing for one object of them.

use jiff::Timestamp;
use vitrine_domain::upload::{Declared, URL_SECONDS};

use super::sign::{checksum, length, lifetime, signed};
use super::{Bucket, Objects, ObjectsError, SignedRequest, size, timestamp};

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The key.
    pub key: String,
    /// How many bytes.
    pub size_bytes: u64,
    /// The entity tag, without quotes: MD5 in hex for what came in one PUT.
    pub etag: Option<String>,
    /// When it was stored.
    pub last_modified: Option<Timestamp>,
}

/// A part of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Objects, in the order of their keys' bytes.
    pub objects: Vec<ListedObject>,
    /// Folders, each ending in `/`, where they were asked for.
    pub folders: Vec<String>,
    /// Where the listing goes on; `None` at the end.
    pub next: Option<String>,
}

impl Objects {
    /// Lists at most 1,000 objects whose keys start with `prefix`; with `shallow`, folders are named and not entered.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn list_folder(
        &self,
        bucket: Bucket,
        prefix: &str,
        shallow: bool,
        next: Option<&str>,
        limit: u16,
    ) -> Result<Listing, ObjectsError> {
        let answer = self
            .s3
            .list_objects_v2()
            .bucket(self.bucket_name(bucket))
            .prefix(prefix)
            .set_delimiter(shallow.then(|| "/".to_owned()))
            .set_continuation_token(next.map(str::to_owned))
            .max_keys(i32::from(limit.clamp(1, 1000)))
            .send()
            .await
            .map_err(|error| ObjectsError::of("ListObjectsV2", prefix, error))?;
        let objects = answer.contents.unwrap_or_default().into_iter().filter_map(|object| {
            Some(ListedObject {
                key: object.key?,
                size_bytes: size(object.size),
                etag: object.e_tag.map(|etag| etag.trim_matches('"').to_owned()),
                last_modified: object.last_modified.and_then(timestamp),
            })
        });
        let folders = answer.common_prefixes.unwrap_or_default().into_iter().filter_map(|it| it.prefix);
        Ok(Listing {
            objects: objects.collect(),
            folders: folders.collect(),
            next: answer.next_continuation_token.filter(|_| answer.is_truncated.unwrap_or_default()),
        })
    }

    /// Signs a PUT of one object of a folder: its exact size, its type and checksum where declared. An object that is
    /// there is replaced: a folder is the staff's own until it is submitted.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] when the declared checksum is not one, or nothing can be signed with.
    pub async fn presign_folder_put(
        &self,
        key: &str,
        declared: &Declared,
        now: Timestamp,
    ) -> Result<SignedRequest, ObjectsError> {
        let request = self
            .signer
            .put_object()
            .bucket(self.bucket_name(Bucket::Incoming))
            .key(key)
            .content_length(length(declared.size_bytes)?)
            .set_content_type(declared.mime.clone())
            .set_checksum_sha256(checksum(declared.sha256.as_deref())?)
            .presigned(lifetime(now, URL_SECONDS)?)
            .await
            .map_err(|error| ObjectsError::of("PutObject", key, error))?;
        signed(&request, now, URL_SECONDS)
    }
}
