//! What a deployed stack says about itself, and the `VITRINE_*` variables that follow from it.

use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// Which variable of the product comes from which output of the template.
///
/// `template.yaml` gives its functions the same set; `cargo xtask check-template` compares the two.
const VARIABLES: &[(&str, &str)] = &[
    ("VITRINE_INSTITUTION", "Institution"),
    ("VITRINE_INSTITUTION_SUFFIX", "InstitutionSuffix"),
    ("VITRINE_CATALOG_TABLE", "CatalogTable"),
    ("VITRINE_PUBLISHED_TABLE", "PublishedTable"),
    ("VITRINE_AUDIT_TABLE", "AuditTable"),
    ("VITRINE_SESSIONS_TABLE", "SessionsTable"),
    ("VITRINE_USAGE_TABLE", "UsageTable"),
    ("VITRINE_INCOMING_BUCKET", "IncomingBucket"),
    ("VITRINE_CONTENT_BUCKET", "ContentBucket"),
    ("VITRINE_DERIVATIVES_BUCKET", "DerivativesBucket"),
    ("VITRINE_PUBLISHED_BUCKET", "PublishedBucket"),
    ("VITRINE_AUDIT_BUCKET", "AuditBucket"),
    ("VITRINE_INCOMING_QUEUE_URL", "IncomingQueueUrl"),
    ("VITRINE_DERIVATIVES_QUEUE_URL", "DerivativesQueueUrl"),
    ("VITRINE_MARKS_QUEUE_URL", "MarksQueueUrl"),
    ("VITRINE_IMPORTS_QUEUE_URL", "ImportsQueueUrl"),
    ("VITRINE_EXPORTS_QUEUE_URL", "ExportsQueueUrl"),
    ("VITRINE_PUBLISH_QUEUE_URL", "PublishQueueUrl"),
    ("VITRINE_DELIVERIES_QUEUE_URL", "DeliveriesQueueUrl"),
    ("VITRINE_DELIVERIES_DEAD_URL", "DeliveriesDeadLettersUrl"),
    ("VITRINE_SECRETS_PREFIX", "SecretsPrefix"),
    ("VITRINE_API_URL", "ApiUrl"),
    ("VITRINE_DELIVERY_URL", "DeliveryUrl"),
    ("VITRINE_VIEWER_ORIGINS", "ViewerOrigins"),
    ("VITRINE_PRIVATE_TARGETS", "PrivateTargets"),
    ("VITRINE_TOKEN_ISSUER", "Issuer"),
    ("VITRINE_TOKEN_AUDIENCE", "Audience"),
    ("VITRINE_TOKEN_KEYS_URL", "TokenKeysUrl"),
    ("VITRINE_SIGN_IN_DISCOVERY_URL", "SignInDiscoveryUrl"),
    ("VITRINE_SIGN_IN_CLIENT_ID", "SignInClientId"),
    // Secrets, which no output tells.
    ("VITRINE_SIGN_IN_CLIENT_SECRET", "none"),
    ("VITRINE_CDN_SECRET", "none"),
    ("VITRINE_DEFAULT_ACCESS", "DefaultAccess"),
    ("VITRINE_TIME_ZONE", "TimeZone"),
    ("VITRINE_REQUIRE_COLLECTION", "RequireCollection"),
    ("VITRINE_UPLOAD_EXPIRY_DAYS", "UploadExpiryDays"),
    ("VITRINE_KEEP_DELETED_DAYS", "KeepDeletedDays"),
    ("VITRINE_FIXITY_DAYS", "FixityDays"),
    ("VITRINE_FIXITY_LOOK_DAYS", "FixityLookDays"),
    ("VITRINE_REQUESTS_PER_SECOND", "RequestsPerSecond"),
    ("VITRINE_FFMPEG", "Ffmpeg"),
    ("VITRINE_SOFFICE", "Soffice"),
    ("VITRINE_LOG", "LogLevel"),
];

/// The outputs of a stack by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs(pub(crate) BTreeMap<String, String>);

impl Outputs {
    /// Returns one output.
    ///
    /// # Errors
    /// When the stack has none of that name: a resources-only stack has no functions, API or user pool.
    pub fn get(&self, name: &str) -> Result<&str> {
        self.0.get(name).map(String::as_str).with_context(|| format!("the stack has no output `{name}`"))
    }

    /// Returns every output, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the variables a function of this stack has, as far as the stack has their source:
    /// a resources-only stack knows no API, issuer or audience.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let known =
            |(variable, output): &(&str, &str)| Some(((*variable).to_owned(), self.0.get(*output)?.clone()));
        VARIABLES.iter().filter_map(known).collect()
    }

    /// Returns the names of all variables a function has.
    pub fn variables() -> impl Iterator<Item = &'static str> {
        VARIABLES.iter().map(|(variable, _)| *variable)
    }
}

#[cfg(test)]
mod tests {
    use super::Outputs;

    #[test]
    fn names_only_variables_whose_source_is_known() {
        let outputs = Outputs([("CatalogTable".to_owned(), "t-catalog".to_owned())].into());
        let environment = outputs.environment();
        assert_eq!(environment.get("VITRINE_CATALOG_TABLE").map(String::as_str), Some("t-catalog"));
        assert_eq!(environment.len(), 1);
        assert!(outputs.get("ApiUrl").is_err());
    }
}
