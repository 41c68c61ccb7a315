//! Buckets and tables.

use super::Finding;
use super::model::{Model, Resource, many, referred};
use serde_json::Value;

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for bucket in model.of_type("AWS::S3::Bucket") {
        check_bucket(model, bucket, findings);
    }
    for table in model.of_type("AWS::DynamoDB::Table") {
        check_table(table, findings);
    }
    let kept = ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"];
    for resource in kept.iter().flat_map(|kind| model.of_type(kind)) {
        let retains = |key: &str| {
            resource.body.get(key).and_then(Value::as_str).is_some_and(|v| v.starts_with("Retain"))
        };
        if !retains("DeletionPolicy") || !retains("UpdateReplacePolicy") {
            findings.push(resource.finding("T21", "is lost with the stack: retain it"));
        }
    }
}

/// T09, T10, T11: a bucket is encrypted, closed to the public, and reached over TLS only.
fn check_bucket(model: &Model<'_>, bucket: Resource<'_>, findings: &mut Vec<Finding>) {
    let encryption = many(bucket.get("BucketEncryption/ServerSideEncryptionConfiguration"));
    if !encryption.iter().any(|rule| rule.pointer("/ServerSideEncryptionByDefault/SSEAlgorithm").is_some()) {
        findings.push(bucket.finding("T09", "is not encrypted"));
    }
    for block in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"] {
        if bucket.get(&format!("PublicAccessBlockConfiguration/{block}")) != Some(&Value::Bool(true)) {
            findings.push(bucket.finding("T10", format!("does not set {block}")));
        }
    }
    let refuses = model.of_type("AWS::S3::BucketPolicy").any(|policy| {
        let of_bucket = policy.get("Bucket").and_then(referred) == Some(bucket.id);
        of_bucket
            && many(policy.get("PolicyDocument/Statement"))
                .iter()
                .any(|statement| refuses_without_tls(statement))
    });
    if !refuses {
        findings.push(bucket.finding("T11", "has no policy that refuses requests without TLS"));
    }
}

fn refuses_without_tls(statement: &Value) -> bool {
    let text = |key: &str| statement.get(key).and_then(Value::as_str);
    let both = many(statement.get("Resource")).len() == 2;
    text("Effect") == Some("Deny")
        && text("Action") == Some("s3:*")
        && text("Principal") == Some("*")
        && both
        && statement.pointer("/Condition/Bool/aws:SecureTransport").and_then(Value::as_str) == Some("false")
}

/// T20: a table can be put back to any second of the last month, is encrypted, and does not go by accident.
fn check_table(table: Resource<'_>, findings: &mut Vec<Finding>) {
    let on = |path: &str| table.get(path) == Some(&Value::Bool(true));
    if !on("PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled") {
        findings.push(table.finding("T20", "has no point-in-time recovery"));
    }
    if !on("SSESpecification/SSEEnabled") {
        findings.push(table.finding("T20", "is not encrypted with a key of the account"));
    }
    if table.get("DeletionProtectionEnabled").is_none() {
        findings.push(table.finding("T20", "does not say whether it may be deleted"));
    }
}
