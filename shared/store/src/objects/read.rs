//! Reading an object in chunks, so that memory does not grow with its size.

use std::ops::Range;
use std::path::Path;

use aws_sdk_s3::config::ResponseChecksumValidation;
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf, Bytes};
use tokio::io::AsyncWriteExt;

use super::{Bucket, Objects, ObjectsError, size, version_id};

/// An object being read.
#[derive(Debug)]
pub struct ObjectReader {
    /// The bytes that will come: of the object, or of the range asked for.
    pub size_bytes: u64,
    /// The version that is being read, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// The type that was given when it was stored.
    pub content_type: Option<String>,
    key: String,
    body: ByteStream,
    /// Bytes before those asked for, which a store sends that does not honour the range.
    skip_bytes: u64,
    left_bytes: u64,
}

impl ObjectReader {
    /// Returns the next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] when the connection breaks, also when it ends early.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ObjectsError> {
        loop {
            let mut bytes = match self.body.next().await {
                Some(Ok(bytes)) => bytes,
                Some(Err(error)) => {
                    return Err(ObjectsError::Unavailable { operation: "GetObject", source: error.into() });
                }
                None if self.left_bytes > 0 => {
                    return Err(ObjectsError::Unavailable {
                        operation: "GetObject",
                        source: format!("`{}` ended {} bytes early", self.key, self.left_bytes).into(),
                    });
                }
                None => return Ok(None),
            };
            let before = take(&mut self.skip_bytes, bytes.len());
            bytes.advance(before);
            let wanted = take(&mut self.left_bytes, bytes.len());
            bytes.truncate(wanted);
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
            if self.skip_bytes == 0 && self.left_bytes == 0 {
                return Ok(None);
            }
        }
    }
}

impl Objects {
    /// Opens an object, or the bytes of it in `range`.
    ///
    /// A server may answer a range with the whole (RFC 9110 section 14.2), as the local engine does for a named version;
    /// then what is not wanted is read past.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`] where there is none; [`ObjectsError::Refused`] for a range beyond its end.
    pub async fn read(
        &self,
        bucket: Bucket,
        key: &str,
        version: Option<&str>,
        range: Option<Range<u64>>,
    ) -> Result<ObjectReader, ObjectsError> {
        self.open(bucket, key, version, range, ResponseChecksumValidation::WhenSupported).await
    }

    /// The same without the SDK comparing what comes with the store's own checksum: who looks for damage is to see it, and
    /// not an error like that of a connection that broke (B14, B15).
    ///
    /// # Errors
    /// As [`Objects::read`].
    pub async fn read_as_it_is(
        &self,
        bucket: Bucket,
        key: &str,
        version: Option<&str>,
        range: Range<u64>,
    ) -> Result<ObjectReader, ObjectsError> {
        self.open(bucket, key, version, Some(range), ResponseChecksumValidation::WhenRequired).await
    }

    async fn open(
        &self,
        bucket: Bucket,
        key: &str,
        version: Option<&str>,
        range: Option<Range<u64>>,
        checked: ResponseChecksumValidation,
    ) -> Result<ObjectReader, ObjectsError> {
        if range.as_ref().is_some_and(Range::is_empty) {
            return Err(ObjectsError::refused("GetObject", "InvalidRange"));
        }
        let header = range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let answer = self
            .s3
            .get_object()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .set_range(header)
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().response_checksum_validation(checked))
            .send()
            .await
            .map_err(|error| ObjectsError::of("GetObject", key, error))?;
        let sent_bytes = size(answer.content_length);
        let (skip_bytes, size_bytes) = match range {
            Some(range) if answer.content_range.is_none() => {
                if range.start >= sent_bytes {
                    return Err(ObjectsError::refused("GetObject", "InvalidRange"));
                }
                (range.start, range.end.min(sent_bytes) - range.start)
            }
            _ => (0, sent_bytes),
        };
        Ok(ObjectReader {
            size_bytes,
            version_id: version_id(answer.version_id),
            content_type: answer.content_type,
            key: key.to_owned(),
            body: answer.body,
            skip_bytes,
            left_bytes: size_bytes,
        })
    }

    /// Reads a small object whole.
    ///
    /// # Errors
    /// [`ObjectsError::Mismatch`] when it is larger than `max_bytes`.
    pub async fn read_small(
        &self,
        bucket: Bucket,
        key: &str,
        max_bytes: u64,
    ) -> Result<Vec<u8>, ObjectsError> {
        let mut reader = self.read(bucket, key, None, None).await?;
        let mut all = Vec::new();
        while let Some(bytes) = reader.next().await? {
            all.extend_from_slice(&bytes);
            if all.len() as u64 > max_bytes {
                return Err(ObjectsError::mismatch(key, format!("more than {max_bytes} bytes")));
            }
        }
        Ok(all)
    }

    /// Writes an object of at most `max_bytes` to a file at `path`, replacing what is there, and returns its size.
    ///
    /// # Errors
    /// [`ObjectsError::Mismatch`] when it is larger, before more than `max_bytes` are written;
    /// [`ObjectsError::WorkingCopy`] when the file can not be written.
    pub async fn read_to_file(
        &self,
        bucket: Bucket,
        key: &str,
        version: Option<&str>,
        path: &Path,
        max_bytes: u64,
    ) -> Result<u64, ObjectsError> {
        let working_copy = |source| ObjectsError::WorkingCopy { key: key.to_owned(), source };
        let mut reader = self.read(bucket, key, version, None).await?;
        if reader.size_bytes > max_bytes {
            return Err(ObjectsError::mismatch(key, format!("more than {max_bytes} bytes")));
        }
        let mut file = tokio::fs::File::create(path).await.map_err(working_copy)?;
        let mut written = 0_u64;
        while let Some(bytes) = reader.next().await? {
            written += bytes.len() as u64;
            if written > max_bytes {
                return Err(ObjectsError::mismatch(key, format!("more than {max_bytes} bytes")));
            }
            file.write_all(&bytes).await.map_err(working_copy)?;
        }
        file.flush().await.map_err(working_copy)?;
        Ok(written)
    }
}

/// As much of `wanted` as `there` allows; `wanted` is less by that afterwards.
fn take(wanted: &mut u64, there: usize) -> usize {
    let taken = usize::try_from(*wanted).unwrap_or(usize::MAX).min(there);
    *wanted -= taken as u64;
    taken
}
