//! Multipart uploads: the server creates, lists, completes and aborts; clients send the parts.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, Part};
use md5::{Digest, Md5};
use vitrine_domain::upload::MAX_PARTS;

use super::digest::base64_to_hex;
use super::sign::checksum;
use super::{Bucket, ObjectHead, Objects, ObjectsError, size, version_id};

/// The smallest part but the last that S3 takes; the local engine takes smaller ones, so it is checked here.
const LEAST_PART_BYTES: u64 = 5 * 1024 * 1024;

/// Whether parts carry a checksum. S3 wants it decided when the upload is created, and then the same for every part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartChecksums {
    /// Parts carry none; S3 adds a CRC64NVME of the whole object by itself.
    None,
    /// Every part carries its SHA-256, which S3 checks on arrival.
    Sha256,
}

/// A part as the store has it, or as a client reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedPart {
    /// Its number, from 1.
    pub number: u16,
    /// Its entity tag, with or without quotes.
    pub etag: String,
    /// How many bytes; `None` when a client reports a part.
    pub size_bytes: Option<u64>,
    /// SHA-256 in hex, where parts carry one.
    pub sha256: Option<String>,
}

/// A completed upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The version that it became, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// Its entity tag.
    pub etag: Option<String>,
    /// S3's own CRC64NVME of the whole, in base64, where it says so.
    pub crc64nvme: Option<String>,
    /// Whether an earlier call had completed it.
    pub was_there: bool,
}

impl Objects {
    /// Opens a multipart upload to `key` in the incoming bucket and returns S3's id of it.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn create_multipart(
        &self,
        key: &str,
        content_type: Option<&str>,
        checksums: PartChecksums,
    ) -> Result<String, ObjectsError> {
        let request = self
            .s3
            .create_multipart_upload()
            .bucket(self.bucket_name(Bucket::Incoming))
            .key(key)
            .set_content_type(content_type.map(str::to_owned));
        let request = match checksums {
            PartChecksums::None => request,
            PartChecksums::Sha256 => {
                request.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_type(ChecksumType::Composite)
            }
        };
        let answer =
            request.send().await.map_err(|error| ObjectsError::of("CreateMultipartUpload", key, error))?;
        answer.upload_id.ok_or_else(|| ObjectsError::refused("CreateMultipartUpload", "NoUploadId"))
    }

    /// Lists the parts that have arrived, in order.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`] when the upload is completed, aborted or was never opened.
    pub async fn list_parts(&self, key: &str, multipart_id: &str) -> Result<Vec<UploadedPart>, ObjectsError> {
        self.parts_in(Bucket::Incoming, key, multipart_id).await
    }

    pub(super) async fn parts_in(
        &self,
        bucket: Bucket,
        key: &str,
        multipart_id: &str,
    ) -> Result<Vec<UploadedPart>, ObjectsError> {
        let mut parts: Vec<UploadedPart> = Vec::new();
        loop {
            let after = parts.last().map_or(0, |part| part.number);
            let answer = self
                .s3
                .list_parts()
                .bucket(self.bucket_name(bucket))
                .key(key)
                .upload_id(multipart_id)
                .part_number_marker(after.to_string())
                .send()
                .await
                .map_err(|error| ObjectsError::of("ListParts", key, error))?;
            let page: Vec<_> = answer
                .parts
                .unwrap_or_default()
                .into_iter()
                .filter_map(uploaded)
                // A store that ignores the marker must not keep us here.
                .filter(|part| part.number > after)
                .collect();
            let more = answer.is_truncated.unwrap_or_default() && !page.is_empty();
            parts.extend(page);
            if !more || parts.len() as u64 >= MAX_PARTS {
                return Ok(parts);
            }
        }
    }

    /// Completes a multipart upload, create-only; completing it again gives the same answer (B17).
    ///
    /// Parts may be given in any order. An object that is there already is taken for what an earlier call made of them
    /// only when its size and its entity tag, which S3 makes of those of the parts, say so.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`] when it was aborted or never opened; [`ObjectsError::PreconditionFailed`] when
    /// something else is there; [`ObjectsError::Refused`] when parts are missing, too small or not those that were
    /// stored.
    pub async fn complete_multipart(
        &self,
        key: &str,
        multipart_id: &str,
        parts: &[UploadedPart],
    ) -> Result<Completed, ObjectsError> {
        self.complete_in(Bucket::Incoming, key, multipart_id, parts).await
    }

    pub(super) async fn complete_in(
        &self,
        bucket: Bucket,
        key: &str,
        multipart_id: &str,
        parts: &[UploadedPart],
    ) -> Result<Completed, ObjectsError> {
        let ordered = in_order(parts)?;
        let answer = self
            .s3
            .complete_multipart_upload()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .upload_id(multipart_id)
            .if_none_match("*")
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(ordered)).build())
            .send()
            .await
            .map_err(|error| ObjectsError::of("CompleteMultipartUpload", key, error));
        let failure = match answer {
            Ok(answer) => {
                return Ok(Completed {
                    version_id: version_id(answer.version_id),
                    etag: answer.e_tag,
                    crc64nvme: answer.checksum_crc64_nvme,
                    was_there: false,
                });
            }
            Err(error @ (ObjectsError::NotFound { .. } | ObjectsError::PreconditionFailed { .. })) => error,
            Err(error) => return Err(error),
        };
        match self.head(bucket, key, None).await? {
            Some(head) if is_made_of(&head, parts) => Ok(Completed {
                version_id: head.version_id,
                etag: head.etag,
                crc64nvme: None,
                was_there: true,
            }),
            Some(_) => Err(ObjectsError::PreconditionFailed { key: key.to_owned() }),
            None => Err(failure),
        }
    }

    /// Gives up a multipart upload and its parts; one that is not there is no error.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn abort_multipart(&self, key: &str, multipart_id: &str) -> Result<(), ObjectsError> {
        let answer = self
            .s3
            .abort_multipart_upload()
            .bucket(self.bucket_name(Bucket::Incoming))
            .key(key)
            .upload_id(multipart_id)
            .send()
            .await
            .map_err(|error| ObjectsError::of("AbortMultipartUpload", key, error));
        match answer {
            Ok(_) | Err(ObjectsError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn uploaded(part: Part) -> Option<UploadedPart> {
    Some(UploadedPart {
        number: part.part_number.and_then(|number| u16::try_from(number).ok())?,
        etag: part.e_tag?,
        size_bytes: Some(size(part.size)),
        sha256: part.checksum_sha256.as_deref().and_then(base64_to_hex),
    })
}

/// Whether an object is what S3 makes of these parts.
///
/// Its entity tag is the MD5 digest of the parts' MD5 digests and their number; so it is for a bucket with S3's own keys,
/// which `template.yaml` gives every bucket.
fn is_made_of(head: &ObjectHead, parts: &[UploadedPart]) -> bool {
    let size_bytes: Option<u64> = parts.iter().map(|part| part.size_bytes).sum();
    if size_bytes.is_some_and(|size_bytes| size_bytes != head.size_bytes) {
        return false;
    }
    let expected = tag_of(parts);
    expected.is_some() && expected.as_deref() == head.etag.as_deref().map(|etag| etag.trim_matches('"'))
}

fn tag_of(parts: &[UploadedPart]) -> Option<String> {
    let mut parts: Vec<_> = parts.iter().collect();
    parts.sort_by_key(|part| part.number);
    let mut whole = Md5::new();
    for part in &parts {
        whole.update(hex::decode(part.etag.trim_matches('"')).ok()?);
    }
    Some(format!("{}-{}", hex::encode(whole.finalize()), parts.len()))
}

/// The parts as S3 wants them: ascending, each number once, each but the last large enough.
fn in_order(parts: &[UploadedPart]) -> Result<Vec<CompletedPart>, ObjectsError> {
    let refused = |code: &str| ObjectsError::refused("CompleteMultipartUpload", code);
    let mut parts: Vec<_> = parts.iter().collect();
    parts.sort_by_key(|part| part.number);
    let Some((last, before)) = parts.split_last() else { return Err(refused("NoParts")) };
    if last.number as u64 > MAX_PARTS || parts.first().is_some_and(|part| part.number == 0) {
        return Err(refused("InvalidPartNumber"));
    }
    if parts.iter().zip(parts.iter().skip(1)).any(|(one, next)| one.number == next.number) {
        return Err(refused("PartGivenTwice"));
    }
    if before.iter().any(|part| part.size_bytes.is_some_and(|size| size < LEAST_PART_BYTES)) {
        return Err(refused("EntityTooSmall"));
    }
    parts
        .into_iter()
        .map(|part| {
            Ok(CompletedPart::builder()
                .part_number(i32::from(part.number))
                .e_tag(&part.etag)
                .set_checksum_sha256(checksum(part.sha256.as_deref())?)
                .build())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u16, size_bytes: Option<u64>) -> UploadedPart {
        UploadedPart { number, etag: format!("\"{number}\""), size_bytes, sha256: None }
    }

    fn check(parts: &[UploadedPart], expected: Result<&[i32], &str>) {
        let numbers = in_order(parts)
            .map(|parts| parts.iter().map(|part| part.part_number().unwrap_or_default()).collect::<Vec<_>>());
        match (numbers, expected) {
            (Ok(numbers), Ok(expected)) => assert_eq!(numbers, expected),
            (Err(ObjectsError::Refused { code, .. }), Err(expected)) => assert_eq!(code, expected),
            (found, expected) => panic!("{found:?} where {expected:?} was expected"),
        }
    }

    #[test]
    fn an_object_is_known_by_the_digests_of_its_parts() {
        let digests = ["5d41402abc4b2a76b9719d911017c592", "7d793037a0760186574b0282f2f435e7"];
        let parts: Vec<_> = [2_u16, 1]
            .into_iter()
            .map(|number| UploadedPart {
                etag: format!("\"{}\"", digests[usize::from(number) - 1]),
                ..part(number, Some(5))
            })
            .collect();
        let head = |size_bytes, etag: &str| ObjectHead {
            size_bytes,
            version_id: None,
            content_type: None,
            etag: Some(format!("\"{etag}\"")),
            last_modified: None,
        };
        // md5(md5("hello") + md5("world")), as a shell computes it.
        let tag = "065947336a2f2a95ba8899f3675c3be6-2";
        assert!(is_made_of(&head(10, tag), &parts));
        assert!(!is_made_of(&head(11, tag), &parts));
        assert!(!is_made_of(&head(10, &tag.replace("-2", "-3")), &parts));
        assert!(!is_made_of(&head(10, digests[0]), &parts));
        assert!(!is_made_of(&head(10, tag), &[part(1, None)]), "a tag that is no digest is no proof");
    }

    #[test]
    fn parts_are_put_in_order_and_checked() {
        let five = Some(LEAST_PART_BYTES);
        check(&[part(3, Some(1)), part(1, five), part(2, five)], Ok(&[1, 2, 3]));
        check(&[part(7, None), part(2, None)], Ok(&[2, 7]));
        check(&[], Err("NoParts"));
        check(&[part(0, None)], Err("InvalidPartNumber"));
        check(&[part(10_001, None)], Err("InvalidPartNumber"));
        check(&[part(2, None), part(1, None), part(2, None)], Err("PartGivenTwice"));
        check(&[part(1, Some(LEAST_PART_BYTES - 1)), part(2, five)], Err("EntityTooSmall"));
    }
}
