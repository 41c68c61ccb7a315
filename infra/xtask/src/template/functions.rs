//! Functions and the queues that feed them.

use super::Finding;
use super::model::{Model, Resource, many, referred};
use serde_json::Value;
use std::collections::BTreeSet;
use vitrine_engine::Outputs;

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    queues(model, findings);
    for mapping in model.of_type("AWS::Lambda::EventSourceMapping") {
        event_source(model, mapping, findings);
    }
    for function in model.of_type("AWS::Lambda::Function") {
        log_is_kept_for_a_time(model, function, findings);
        variables(function, findings);
        if !has_alarm(model, function.id, "Errors") {
            findings.push(function.finding("T17", "has no alarm for its errors"));
        }
    }
    for rule in model.of_type("AWS::Events::Rule") {
        for target in many(rule.get("Targets")) {
            let function = target.get("Arn").and_then(referred).unwrap_or_default();
            if !has_alarm(model, function, "Invocations") {
                findings.push(rule.finding("T17", format!("nobody is told when `{function}` stops running")));
            }
        }
    }
}

/// T04, T05, T19: every queue has a dead-letter queue; every dead-letter queue keeps its messages 14 days and
/// alarms at the first one; every queue that is worked on alarms by age; all are encrypted.
fn queues(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let dead_letters = dead_letter_queues(model);
    for queue in model.of_type("AWS::SQS::Queue") {
        let encrypted = queue.get("SqsManagedSseEnabled") == Some(&Value::Bool(true));
        if !encrypted && queue.get("KmsMasterKeyId").is_none() {
            findings.push(queue.finding("T19", "is not encrypted"));
        }
        if dead_letters.contains(queue.id) {
            if queue.number("MessageRetentionPeriod") != Some(1_209_600) {
                findings.push(queue.finding("T05", "does not keep dead letters for 14 days"));
            }
            if !has_alarm_at_one(model, queue.id) {
                findings.push(queue.finding("T05", "has no alarm for its first message"));
            }
            continue;
        }
        let target = queue.get("RedrivePolicy/deadLetterTargetArn").and_then(referred);
        if target.is_none_or(|target| model.find(target).is_none()) {
            findings.push(queue.finding("T04", "has no dead-letter queue"));
        }
        if queue.number("RedrivePolicy/maxReceiveCount") != Some(5) {
            findings.push(queue.finding("T04", "does not give up after 5 receives"));
        }
        if !has_alarm(model, queue.id, "ApproximateAgeOfOldestMessage") {
            findings.push(queue.finding("T05", "has no alarm for the age of its messages"));
        }
    }
}

fn dead_letter_queues<'a>(model: &Model<'a>) -> BTreeSet<&'a str> {
    let redrive =
        model.of_type("AWS::SQS::Queue").filter_map(|queue| queue.get("RedrivePolicy/deadLetterTargetArn"));
    let on_failure = model
        .of_type("AWS::Lambda::EventInvokeConfig")
        .filter_map(|config| config.get("DestinationConfig/OnFailure/Destination"));
    let direct = model
        .of_type("AWS::Lambda::Function")
        .filter_map(|function| function.get("DeadLetterConfig/TargetArn"));
    redrive.chain(on_failure).chain(direct).filter_map(referred).collect()
}

/// T06, T07, T13: a message stays hidden for 6 times the function's timeout; a batch fails one message at a time;
/// the number of workers is bounded.
fn event_source(model: &Model<'_>, mapping: Resource<'_>, findings: &mut Vec<Finding>) {
    let queue = mapping.get("EventSourceArn").and_then(referred).and_then(|id| model.find(id));
    let function = mapping.get("FunctionName").and_then(referred).and_then(|id| model.find(id));
    let timeout = function.and_then(|function| function.number("Timeout")).unwrap_or(i64::MAX / 6);
    let visibility = queue.and_then(|queue| queue.number("VisibilityTimeout")).unwrap_or(30);
    if visibility < 6 * timeout {
        findings.push(
            mapping.finding("T06", format!("visibility {visibility} s is less than 6 x timeout {timeout} s")),
        );
    }
    let partial = Value::from("ReportBatchItemFailures");
    if !many(mapping.get("FunctionResponseTypes")).contains(&&partial) {
        findings.push(mapping.finding("T07", "does not report failures one message at a time"));
    }
    if mapping.get("ScalingConfig/MaximumConcurrency").is_none() {
        findings.push(mapping.finding("T13", "has no upper bound of workers"));
    }
}

/// T08: a function writes to a log of this template, which forgets after a time.
fn log_is_kept_for_a_time(model: &Model<'_>, function: Resource<'_>, findings: &mut Vec<Finding>) {
    let group = function.get("LoggingConfig/LogGroup").and_then(referred).and_then(|id| model.find(id));
    if group.is_none_or(|group| group.get("RetentionInDays").is_none()) {
        findings.push(function.finding("T08", "has no log group with a retention"));
    }
}

/// T14: every function has the same variables, and tests and tools know them all.
fn variables(function: Resource<'_>, findings: &mut Vec<Finding>) {
    let variables = function.get("Environment/Variables").and_then(Value::as_object);
    let have: BTreeSet<&str> = variables.into_iter().flat_map(|map| map.keys().map(String::as_str)).collect();
    let known: BTreeSet<&str> = Outputs::variables().collect();
    for variable in known.symmetric_difference(&have) {
        let message = format!("`{variable}` is not in both the template and infra/engine/src/outputs.rs");
        findings.push(function.finding("T14", message));
    }
}

fn alarms<'a>(model: &Model<'a>, subject: &'a str, metric: &'a str) -> impl Iterator<Item = Resource<'a>> {
    model.of_type("AWS::CloudWatch::Alarm").filter(move |alarm| {
        let of_metric = alarm.get("MetricName").and_then(Value::as_str) == Some(metric);
        let dimensions = many(alarm.get("Dimensions"));
        of_metric
            && dimensions.iter().any(|dimension| dimension.get("Value").and_then(referred) == Some(subject))
    })
}

fn has_alarm(model: &Model<'_>, subject: &str, metric: &str) -> bool {
    alarms(model, subject, metric).next().is_some()
}

fn has_alarm_at_one(model: &Model<'_>, queue: &str) -> bool {
    alarms(model, queue, "ApproximateNumberOfMessagesVisible").any(|alarm| {
        let at_least =
            alarm.get("ComparisonOperator").and_then(Value::as_str) == Some("GreaterThanOrEqualToThreshold");
        at_least && alarm.number("Threshold") == Some(1)
    })
}
