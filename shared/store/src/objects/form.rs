//! Browser forms: a POST policy for exactly one key, which the SDK does not sign.
//!
//! Source: "Browser-based uploads using POST (AWS signature version 4)" of the S3 API reference.

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use vitrine_domain::upload::{URL_SECONDS, Upload};

use super::sign::checksum;
use super::{Bucket, Objects, ObjectsError};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The type of an upload whose client declared none.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// A browser form: every field is sent as it stands, the file comes last in a field named `file`.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedForm {
    /// Where the form is posted to.
    pub url: String,
    /// The fields, in the order to send them: secrets for as long as the form lives.
    pub fields: Vec<(String, String)>,
    /// When it stops being honoured.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for SignedForm {
    /// Leaves out the fields, which are the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedForm")
            .field("url", &self.url)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Objects {
    /// Signs a browser form for the one key of `upload`, taking between `min_bytes` and `max_bytes`.
    ///
    /// S3 knows no create-only form: a second POST makes a second version, which registration refuses by its version.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] when there is nothing to sign with; [`ObjectsError::Unavailable`] when the
    /// credentials can not be had just now.
    pub async fn presign_form(
        &self,
        upload: &Upload,
        min_bytes: u64,
        max_bytes: u64,
        now: Timestamp,
    ) -> Result<SignedForm, ObjectsError> {
        let provider =
            self.credentials.as_ref().ok_or_else(|| ObjectsError::refused("form", "NoCredentials"))?;
        let region = self.region.as_ref().ok_or_else(|| ObjectsError::refused("form", "NoRegion"))?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| ObjectsError::Unavailable { operation: "form", source: error.into() })?;
        let expires_at = now
            .checked_add(SignedDuration::from_secs(URL_SECONDS as i64))
            .map_err(|_| ObjectsError::refused("form", "InvalidLifetime"))?;

        let instant = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = now.strftime("%Y%m%d").to_string();
        let credential = format!("{}/{day}/{region}/s3/aws4_request", credentials.access_key_id());
        let content_type = upload.declared.mime.as_deref().unwrap_or(UNKNOWN_TYPE);

        let mut fields: Vec<(&str, String)> =
            vec![("key", upload.source_key.clone()), ("Content-Type", content_type.to_owned())];
        if let Some(sha256) = checksum(upload.declared.sha256.as_deref())? {
            fields.push(("x-amz-checksum-algorithm", "SHA256".to_owned()));
            fields.push(("x-amz-checksum-sha256", sha256));
        }
        fields.push(("success_action_status", "201".to_owned()));
        fields.push(("x-amz-algorithm", ALGORITHM.to_owned()));
        fields.push(("x-amz-credential", credential));
        fields.push(("x-amz-date", instant));
        if let Some(token) = credentials.session_token() {
            fields.push(("x-amz-security-token", token.to_owned()));
        }

        let mut conditions = vec![
            json!({ "bucket": self.bucket_name(Bucket::Incoming) }),
            json!(["content-length-range", min_bytes, max_bytes]),
        ];
        conditions.extend(fields.iter().map(|(name, value)| json!(["eq", format!("${name}"), value])));
        let policy = json!({
            "expiration": expires_at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
            "conditions": conditions,
        });
        let policy = BASE64_STANDARD.encode(policy.to_string());
        let key = generate_signing_key(
            credentials.secret_access_key(),
            super::sign::system_time(now),
            region.as_ref(),
            "s3",
        );
        let signature = calculate_signature(key, policy.as_bytes());
        fields.push(("policy", policy));
        fields.push(("x-amz-signature", signature));

        Ok(SignedForm {
            url: self.bucket_url(Bucket::Incoming, now).await?,
            fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            expires_at,
        })
    }

    /// The address of a bucket, as the SDK would speak to it.
    async fn bucket_url(&self, bucket: Bucket, now: Timestamp) -> Result<String, ObjectsError> {
        let config = PresigningConfig::builder()
            .start_time(super::sign::system_time(now))
            .expires_in(std::time::Duration::from_secs(1))
            .build()?;
        let request = self
            .signer
            .get_object()
            .bucket(self.bucket_name(bucket))
            .key("k")
            .presigned(config)
            .await
            .map_err(|error| ObjectsError::of("GetObject", "", error))?;
        let address = request.uri().split('?').next().unwrap_or_default();
        address
            .strip_suffix('k')
            .map(str::to_owned)
            .ok_or_else(|| ObjectsError::refused("form", "UnknownEndpoint"))
    }
}
