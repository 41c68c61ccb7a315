//! Copying registered bytes into the content bucket: one call where S3 takes it, else part by part, resumable.
//!
//! A content key is minted once for each file and written down before the copy, so copying again writes the same bytes.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::types::{ChecksumAlgorithm, MetadataDirective};
use tokio::task::JoinSet;
use vitrine_domain::upload::MAX_PARTS;

use super::multipart::UploadedPart;
use super::names::copy_source;
use super::{Bucket, Objects, ObjectsError, version_id};

const MIB: u64 = 1024 * 1024;
/// How much the object store copies in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyLimits {
    /// The largest object that is copied as a whole, in bytes.
    pub whole_bytes: u64,
    /// The usual size of a part of a larger one, in bytes.
    pub part_bytes: u64,
}

/// What S3 takes, which says 5 GB: the smaller reading of that is kept. A part is a few seconds of work for it.
pub const S3_COPY_LIMITS: CopyLimits = CopyLimits { whole_bytes: 5_000_000_000, part_bytes: 512 * MIB };

/// How many parts are copied at a time.
const PARTS_AT_A_TIME: usize = 4;
/// S3 answers a copy when it is done.
const COPY_TIMEOUT: Duration = Duration::from_secs(300);

/// What is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// The bucket.
    pub bucket: Bucket,
    /// The key.
    pub key: String,
    /// The version; `None` in a bucket that keeps none.
    pub version: Option<String>,
    /// How many bytes that version has.
    pub size_bytes: u64,
}

/// Where it is copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyTarget {
    /// The bucket.
    pub bucket: Bucket,
    /// The key.
    pub key: String,
    /// The type that the copy has.
    pub content_type: String,
}

/// A finished copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The version of the copy, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// S3's own CRC64NVME of the copy in base64, where it says so.
    pub crc64nvme: Option<String>,
    /// Whether an earlier try had made it already.
    pub was_there: bool,
}

/// How far a copy in parts is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyProgress {
    /// Finished.
    Done(Copied),
    /// Parts are missing; call again.
    More {
        /// How many bytes are copied.
        copied_bytes: u64,
    },
}

impl CopyLimits {
    /// The size of each part but the last of a copy of `size_bytes`: the usual one, or as many whole MiB as 10,000 parts
    /// need.
    fn part_of(self, size_bytes: u64) -> u64 {
        let least = size_bytes.div_ceil(MAX_PARTS);
        if least <= self.part_bytes { self.part_bytes } else { least.div_ceil(MIB).saturating_mul(MIB) }
    }

    /// The parts of a copy of `size_bytes`: their numbers, from 1, and the bytes that each holds.
    fn ranges(self, size_bytes: u64) -> impl Iterator<Item = (u16, Range<u64>)> {
        let part = self.part_of(size_bytes);
        (0..size_bytes.div_ceil(part)).map_while(move |index| {
            let number = u16::try_from(index + 1).ok()?;
            let start = index.checked_mul(part)?;
            Some((number, start..size_bytes.min(start.saturating_add(part))))
        })
    }

    /// Tells the parts that are there, whole, from those that are missing.
    fn sort_out(
        self,
        size_bytes: u64,
        there: Vec<UploadedPart>,
    ) -> (Vec<UploadedPart>, Vec<(u16, Range<u64>)>) {
        let (mut parts, mut missing) = (Vec::new(), Vec::new());
        let mut there = there.into_iter().peekable();
        for (number, range) in self.ranges(size_bytes) {
            while there.next_if(|part| part.number < number).is_some() {}
            let whole = |part: &UploadedPart| {
                part.number == number && part.size_bytes == Some(range.end - range.start)
            };
            match there.next_if(whole) {
                Some(part) => parts.push(part),
                None => missing.push((number, range)),
            }
        }
        (parts, missing)
    }
}

impl Objects {
    /// Whether an object of this size is copied in one call, by [`Self::copy`]; else in parts.
    pub fn copies_whole(&self, size_bytes: u64) -> bool {
        size_bytes <= self.copy_limits.whole_bytes
    }

    /// Copies an object in one call, create-only.
    ///
    /// An object of the same size that is there already is taken for the result of an earlier try. The local engine
    /// does not honour create-only on copies; there the copy gets a second version with the same bytes.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`] when the source is gone; [`ObjectsError::Mismatch`] when something else is there;
    /// [`ObjectsError::Refused`] when it is too large for one call.
    pub async fn copy(&self, source: &CopySource, target: &CopyTarget) -> Result<Copied, ObjectsError> {
        if !self.copies_whole(source.size_bytes) {
            return Err(ObjectsError::refused("CopyObject", "EntityTooLarge"));
        }
        let answer = self
            .s3
            .copy_object()
            .copy_source(self.source_header(source))
            .bucket(self.bucket_name(target.bucket))
            .key(&target.key)
            .metadata_directive(MetadataDirective::Replace)
            .content_type(&target.content_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .if_none_match("*")
            .customize()
            .config_override(patient())
            .send()
            .await
            .map_err(|error| ObjectsError::of("CopyObject", &source.key, error));
        match answer {
            Ok(answer) => Ok(Copied {
                version_id: version_id(answer.version_id),
                crc64nvme: answer.copy_object_result.and_then(|result| result.checksum_crc64_nvme),
                was_there: false,
            }),
            Err(ObjectsError::PreconditionFailed { .. }) => self.existing_copy(source, target).await,
            Err(error) => Err(error),
        }
    }

    async fn existing_copy(&self, source: &CopySource, target: &CopyTarget) -> Result<Copied, ObjectsError> {
        match self.head(target.bucket, &target.key, None).await? {
            Some(head) if head.size_bytes == source.size_bytes => {
                Ok(Copied { version_id: head.version_id, crc64nvme: None, was_there: true })
            }
            Some(head) => Err(ObjectsError::mismatch(
                &target.key,
                format!("{} bytes are there where {} were expected", head.size_bytes, source.size_bytes),
            )),
            None => Err(ObjectsError::NotFound { key: target.key.clone() }),
        }
    }

    /// Opens a copy in parts and returns S3's id of it; the caller writes it down before the first part.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn begin_copy(&self, target: &CopyTarget) -> Result<String, ObjectsError> {
        let answer = self
            .s3
            .create_multipart_upload()
            .bucket(self.bucket_name(target.bucket))
            .key(&target.key)
            .content_type(&target.content_type)
            .send()
            .await
            .map_err(|error| ObjectsError::of("CreateMultipartUpload", &target.key, error))?;
        answer.upload_id.ok_or_else(|| ObjectsError::refused("CreateMultipartUpload", "NoUploadId"))
    }

    /// Copies parts that are missing for as long as `go_on` says so, and completes the copy when none is missing.
    ///
    /// What is there already is asked of S3, so the copy goes on wherever an earlier call, or an earlier process, was
    /// stopped. A copy that an earlier call completed is `Done` again.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`] when the source is gone, or the copy was given up (open another with
    /// [`Objects::begin_copy`]).
    pub async fn copy_parts(
        &self,
        copy_id: &str,
        source: &CopySource,
        target: &CopyTarget,
        mut go_on: impl FnMut() -> bool + Send,
    ) -> Result<CopyProgress, ObjectsError> {
        let there = match self.parts_in(target.bucket, &target.key, copy_id).await {
            Ok(there) => there,
            Err(gone @ ObjectsError::NotFound { .. }) => {
                return match self.existing_copy(source, target).await {
                    Ok(copied) => Ok(CopyProgress::Done(copied)),
                    Err(ObjectsError::NotFound { .. }) => Err(gone),
                    Err(error) => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        let (mut parts, missing) = self.copy_limits.sort_out(source.size_bytes, there);
        let header: Arc<str> = self.source_header(source).into();
        let mut missing = missing.into_iter();
        let mut running: JoinSet<Result<UploadedPart, ObjectsError>> = JoinSet::new();
        let mut stopped = false;
        loop {
            while !stopped && running.len() < PARTS_AT_A_TIME && missing.len() > 0 {
                stopped = !go_on();
                if stopped {
                    break;
                }
                if let Some((number, range)) = missing.next() {
                    let (objects, header, target, copy_id) =
                        (self.clone(), Arc::clone(&header), target.clone(), copy_id.to_owned());
                    running.spawn(async move {
                        objects.copy_part(&copy_id, &header, &target, number, range).await
                    });
                }
            }
            match running.join_next().await {
                Some(Ok(part)) => parts.push(part?),
                Some(Err(died)) => {
                    return Err(ObjectsError::Unavailable {
                        operation: "UploadPartCopy",
                        source: died.into(),
                    });
                }
                None => break,
            }
        }
        if missing.len() > 0 {
            let copied_bytes = parts.iter().filter_map(|part| part.size_bytes).sum();
            return Ok(CopyProgress::More { copied_bytes });
        }
        self.complete_copy(copy_id, target, &parts).await.map(CopyProgress::Done)
    }

    async fn copy_part(
        &self,
        copy_id: &str,
        header: &str,
        target: &CopyTarget,
        number: u16,
        range: Range<u64>,
    ) -> Result<UploadedPart, ObjectsError> {
        let size_bytes = range.end - range.start;
        let answer = self
            .s3
            .upload_part_copy()
            .copy_source(header)
            .copy_source_range(format!("bytes={}-{}", range.start, range.end - 1))
            .bucket(self.bucket_name(target.bucket))
            .key(&target.key)
            .upload_id(copy_id)
            .part_number(i32::from(number))
            .customize()
            .config_override(patient())
            .send()
            .await
            .map_err(|error| ObjectsError::of("UploadPartCopy", &target.key, error))?;
        let etag = answer
            .copy_part_result
            .and_then(|result| result.e_tag)
            .ok_or_else(|| ObjectsError::refused("UploadPartCopy", "NoEntityTag"))?;
        Ok(UploadedPart { number, etag, size_bytes: Some(size_bytes), sha256: None })
    }

    async fn complete_copy(
        &self,
        copy_id: &str,
        target: &CopyTarget,
        parts: &[UploadedPart],
    ) -> Result<Copied, ObjectsError> {
        let completed = self.complete_in(target.bucket, &target.key, copy_id, parts).await?;
        Ok(Copied {
            version_id: completed.version_id,
            crc64nvme: completed.crc64nvme,
            was_there: completed.was_there,
        })
    }

    fn source_header(&self, source: &CopySource) -> String {
        copy_source(self.bucket_name(source.bucket), &source.key, source.version.as_deref())
    }
}

/// Longer timeouts, for calls that S3 answers when its work is done.
pub(super) fn patient() -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::new()
        .timeout_config(TimeoutConfig::builder().read_timeout(COPY_TIMEOUT).build())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vitrine_domain::upload::MAX_FILE_BYTES;

    use super::*;

    #[test]
    fn five_tebibytes_are_copied_in_at_most_ten_thousand_parts() {
        let ranges: Vec<_> = S3_COPY_LIMITS.ranges(MAX_FILE_BYTES).collect();
        assert_eq!(S3_COPY_LIMITS.part_of(MAX_FILE_BYTES), 525 * MIB);
        assert_eq!(ranges.len(), 9_987);
        assert_eq!(ranges[0], (1, 0..525 * MIB));
        assert_eq!(ranges.last().unwrap().1.end, MAX_FILE_BYTES);
        assert_eq!(S3_COPY_LIMITS.ranges(S3_COPY_LIMITS.whole_bytes + 1).count(), 10);
    }

    proptest! {
        #[test]
        fn ranges_follow_one_another_and_cover_the_object(size in 1..=MAX_FILE_BYTES) {
            let part = S3_COPY_LIMITS.part_of(size);
            prop_assert!((5 * MIB..=5 * 1024 * MIB).contains(&part));
            let mut end = 0;
            let mut last = 0;
            for (number, range) in S3_COPY_LIMITS.ranges(size) {
                prop_assert_eq!(number, last + 1);
                prop_assert_eq!(range.start, end);
                prop_assert!(range.end - range.start <= part && range.end > range.start);
                (last, end) = (number, range.end);
            }
            prop_assert_eq!(end, size);
            prop_assert!(u64::from(last) <= MAX_PARTS);
        }

        #[test]
        fn goes_on_with_exactly_the_parts_that_are_missing(
            size in S3_COPY_LIMITS.whole_bytes..100_000_000_000_u64,
            there in prop::collection::btree_set(1_u16..200, 0..100),
        ) {
            let all: Vec<_> = S3_COPY_LIMITS.ranges(size).collect();
            let stored = there.iter().map(|number| {
                let size_bytes = all.get(usize::from(*number) - 1).map(|(_, range)| range.end - range.start);
                UploadedPart { number: *number, etag: String::new(), size_bytes, sha256: None }
            });
            let (parts, missing) = S3_COPY_LIMITS.sort_out(size, stored.collect());
            prop_assert_eq!(parts.len() + missing.len(), all.len());
            prop_assert!(parts.iter().all(|part| there.contains(&part.number)));
            prop_assert!(missing.iter().all(|(number, _)| !there.contains(number)));
        }
    }

    #[test]
    fn a_part_of_the_wrong_size_is_copied_again() {
        let size = S3_COPY_LIMITS.whole_bytes + 1;
        let short = UploadedPart { number: 1, etag: String::new(), size_bytes: Some(3), sha256: None };
        let (parts, missing) = S3_COPY_LIMITS.sort_out(size, vec![short]);
        assert!(parts.is_empty());
        assert_eq!(missing.len(), S3_COPY_LIMITS.ranges(size).count());
    }
}
