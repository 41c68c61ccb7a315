//! Writing a large object as it is made, in constant memory.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::{Bucket, Objects, ObjectsError};

/// How many bytes are kept before they are sent as a part; 10,000 of them are 80 GB.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// An object that is being written. Nothing is to be seen of it before it is finished.
#[derive(Debug)]
pub struct ObjectWriter<'a> {
    objects: &'a Objects,
    bucket: Bucket,
    key: String,
    content_type: String,
    upload: Option<String>,
    parts: Vec<CompletedPart>,
    buffer: Vec<u8>,
}

impl Objects {
    /// Begins to write an object, over whatever is there.
    pub fn write(&self, bucket: Bucket, key: &str, content_type: &str) -> ObjectWriter<'_> {
        ObjectWriter {
            objects: self,
            bucket,
            key: key.to_owned(),
            content_type: content_type.to_owned(),
            upload: None,
            parts: Vec::new(),
            buffer: Vec::new(),
        }
    }
}

impl ObjectWriter<'_> {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`ObjectsError::Unavailable`] and [`ObjectsError::Refused`]; the object is then given up by its bucket's rule.
    pub async fn add(&mut self, bytes: &[u8]) -> Result<(), ObjectsError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.send_part().await?;
        }
        Ok(())
    }

    /// Makes the object be there, whole.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub async fn finish(mut self) -> Result<(), ObjectsError> {
        if self.upload.is_none() {
            let bytes = std::mem::take(&mut self.buffer).into();
            self.objects.put_small(self.bucket, &self.key, bytes, &self.content_type, false).await?;
            return Ok(());
        }
        if !self.buffer.is_empty() {
            self.send_part().await?;
        }
        self.objects
            .s3
            .complete_multipart_upload()
            .bucket(self.objects.bucket_name(self.bucket))
            .key(&self.key)
            .set_upload_id(self.upload)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(self.parts)).build())
            .send()
            .await
            .map_err(|error| ObjectsError::of("CompleteMultipartUpload", &self.key, error))?;
        Ok(())
    }

    async fn send_part(&mut self) -> Result<(), ObjectsError> {
        let bucket = self.objects.bucket_name(self.bucket);
        let upload = match &self.upload {
            Some(upload) => upload.clone(),
            None => {
                let answer = self
                    .objects
                    .s3
                    .create_multipart_upload()
                    .bucket(bucket)
                    .key(&self.key)
                    .content_type(&self.content_type)
                    .send()
                    .await
                    .map_err(|error| ObjectsError::of("CreateMultipartUpload", &self.key, error))?;
                let upload = answer
                    .upload_id
                    .ok_or_else(|| ObjectsError::refused("CreateMultipartUpload", "NoUploadId"))?;
                self.upload = Some(upload.clone());
                upload
            }
        };
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
        let answer = self
            .objects
            .s3
            .upload_part()
            .bucket(bucket)
            .key(&self.key)
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(std::mem::take(&mut self.buffer)))
            .send()
            .await
            .map_err(|error| ObjectsError::of("UploadPart", &self.key, error))?;
        self.parts.push(CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag).build());
        Ok(())
    }
}
