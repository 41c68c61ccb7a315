//! What a message came to, as a log line and a metric (embedded metric format).

use serde_json::json;

/// One count of one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// The function.
    pub function: &'static str,
    /// The outcome, for example `registered`.
    pub outcome: &'static str,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// The line that CloudWatch reads a metric from. It holds counts and names only: no id, no address, no text of a user.
pub fn metrics_line(metric: &Metric, now_ms: i64) -> String {
    json!({
        "_aws": {
            "Timestamp": now_ms,
            "CloudWatchMetrics": [{
                "Namespace": "Vitrine",
                "Dimensions": [["function", "outcome"]],
                "Metrics": [{ "Name": "count", "Unit": "Count" }, { "Name": "duration_ms", "Unit": "Milliseconds" }]
            }]
        },
        "function": metric.function,
        "outcome": metric.outcome,
        "count": 1,
        "duration_ms": metric.duration_ms
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_one_line_that_names_function_and_outcome() {
        let line = metrics_line(
            &Metric { function: "register-file", outcome: "registered", duration_ms: 12 },
            1_000,
        );
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(value["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Vitrine");
        assert_eq!((value["function"].as_str(), value["count"].as_i64()), (Some("register-file"), Some(1)));
    }
}
