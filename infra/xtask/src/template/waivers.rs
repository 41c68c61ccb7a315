//! Exceptions to the rules: written at the resource, with a reason and a last day.

use super::Finding;
use super::model::{Model, Resource, many};
use serde_json::Value;

/// T00: what is wrong with waivers themselves. Every other finding that a valid waiver covers is dropped.
pub(super) fn apply(model: &Model<'_>, today: &str, findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept = Vec::new();
    for resource in model.all() {
        for waiver in waivers(resource) {
            if let Some(fault) = waiver.fault(today) {
                kept.push(resource.finding("T00", fault));
            }
        }
    }
    let is_waived = |finding: &Finding| {
        let resource = model.find(&finding.resource);
        resource
            .is_some_and(|r| waivers(r).iter().any(|w| w.rule == finding.rule && w.fault(today).is_none()))
    };
    kept.extend(findings.into_iter().filter(|finding| !is_waived(finding)));
    kept
}

struct Waiver<'a> {
    rule: &'a str,
    until: &'a str,
    why: &'a str,
}

impl Waiver<'_> {
    fn fault(&self, today: &str) -> Option<String> {
        let is_date = self.until.len() == 10 && self.until.chars().filter(|c| *c == '-').count() == 2;
        if self.why.trim().is_empty() || !is_date {
            return Some(format!("the waiver of {} needs `Until` (a date) and `Why`", self.rule));
        }
        (self.until < today).then(|| format!("the waiver of {} ended on {}", self.rule, self.until))
    }
}

fn waivers(resource: Resource<'_>) -> Vec<Waiver<'_>> {
    many(resource.body.pointer("/Metadata/Waivers"))
        .into_iter()
        .map(|waiver| {
            let text = |key: &str| waiver.get(key).and_then(Value::as_str).unwrap_or_default();
            Waiver { rule: text("Rule"), until: text("Until"), why: text("Why") }
        })
        .collect()
}
