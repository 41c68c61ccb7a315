//! Writing a large object over several calls of a function: parts are sent as they are made, and whoever goes on knows
//! how many there are. Sending a part again replaces it, so a worker that died is repeated without harm.

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::{Bucket, Objects, ObjectsError};

impl Objects {
    /// Opens an upload in parts of an object and returns S3's id of it.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn begin_parts(
        &self,
        bucket: Bucket,
        key: &str,
        content_type: &str,
    ) -> Result<String, ObjectsError> {
        let answer = self
            .s3
            .create_multipart_upload()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .content_type(content_type)
            .send()
            .await
            .map_err(|error| ObjectsError::of("CreateMultipartUpload", key, error))?;
        answer.upload_id.ok_or_else(|| ObjectsError::refused("CreateMultipartUpload", "NoUploadId"))
    }

    /// Sends one part; over an earlier one of its number.
    ///
    /// # Errors
    /// [`ObjectsError::NotFound`] when the upload was finished or given up.
    pub async fn send_part(
        &self,
        bucket: Bucket,
        key: &str,
        upload: &str,
        number: u16,
        bytes: Bytes,
    ) -> Result<(), ObjectsError> {
        self.s3
            .upload_part()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .upload_id(upload)
            .part_number(i32::from(number))
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| ObjectsError::of("UploadPart", key, error))?;
        Ok(())
    }

    /// Puts the first `count` parts together; doing it again is no error.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] when parts are missing or too small.
    pub async fn finish_parts(
        &self,
        bucket: Bucket,
        key: &str,
        upload: &str,
        count: u16,
    ) -> Result<(), ObjectsError> {
        let mut parts = match self.parts_in(bucket, key, upload).await {
            Ok(parts) => parts,
            // An earlier call put them together, or nothing is there at all.
            Err(gone @ ObjectsError::NotFound { .. }) => {
                return match self.head(bucket, key, None).await? {
                    Some(_) => Ok(()),
                    None => Err(gone),
                };
            }
            Err(error) => return Err(error),
        };
        // A worker that died may have begun a part that is not of the object.
        parts.retain(|part| part.number <= count);
        if parts.len() != usize::from(count) {
            return Err(ObjectsError::refused("CompleteMultipartUpload", "PartsMissing"));
        }
        self.complete_in(bucket, key, upload, &parts).await.map(|_| ())
    }

    /// Gives up an upload in parts; one that is not there is no error.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`].
    pub async fn abort_parts(&self, bucket: Bucket, key: &str, upload: &str) -> Result<(), ObjectsError> {
        let answer = self
            .s3
            .abort_multipart_upload()
            .bucket(self.bucket_name(bucket))
            .key(key)
            .upload_id(upload)
            .send()
            .await
            .map_err(|error| ObjectsError::of("AbortMultipartUpload", key, error));
        match answer {
            Ok(_) | Err(ObjectsError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
