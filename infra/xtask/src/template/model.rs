//! A template as the rules look at it.

use super::Finding;
use serde_json::Value;

/// An expanded template.
pub(super) struct Model<'a> {
    template: &'a Value,
}

/// One resource of it.
#[derive(Clone, Copy)]
pub(super) struct Resource<'a> {
    pub(super) id: &'a str,
    pub(super) body: &'a Value,
}

impl<'a> Model<'a> {
    pub(super) fn new(template: &'a Value) -> Self {
        Self { template }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Resource<'a>> + use<'a> {
        let resources = self.template.get("Resources").and_then(Value::as_object);
        resources.into_iter().flatten().map(|(id, body)| Resource { id, body })
    }

    pub(super) fn of_type<'b>(&self, kind: &'b str) -> impl Iterator<Item = Resource<'a>> + use<'a, 'b> {
        self.all().filter(move |resource| resource.body.get("Type").and_then(Value::as_str) == Some(kind))
    }

    pub(super) fn find(&self, id: &str) -> Option<Resource<'a>> {
        self.all().find(|resource| resource.id == id)
    }
}

impl<'a> Resource<'a> {
    /// Returns a property by its path, such as `Code/S3Bucket`.
    pub(super) fn get(&self, path: &str) -> Option<&'a Value> {
        self.body.pointer(&format!("/Properties/{path}"))
    }

    pub(super) fn number(&self, path: &str) -> Option<i64> {
        self.get(path).and_then(Value::as_i64)
    }

    pub(super) fn finding(&self, rule: &'static str, message: impl Into<String>) -> Finding {
        Finding { rule, resource: self.id.to_owned(), message: message.into() }
    }
}

/// Returns the logical id that a `Ref` or `Fn::GetAtt` names.
pub(super) fn referred(value: &Value) -> Option<&str> {
    if let Some(id) = value.get("Ref").and_then(Value::as_str) {
        return Some(id);
    }
    match value.get("Fn::GetAtt")? {
        Value::Array(parts) => parts.first()?.as_str(),
        Value::String(text) => text.split('.').next(),
        _ => None,
    }
}

/// Returns a value that may be one or many as many.
pub(super) fn many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    }
}

/// Returns an ARN or name as text: the resource it refers to as `${Id.Arn}`, a substitution as it is written.
pub(super) fn as_text(value: &Value) -> String {
    if let Value::String(text) = value {
        return text.clone();
    }
    match value.get("Fn::Sub") {
        Some(Value::String(text)) => return text.clone(),
        Some(Value::Array(parts)) => {
            return parts.first().and_then(Value::as_str).unwrap_or_default().to_owned();
        }
        _ => {}
    }
    referred(value).map_or_else(|| value.to_string(), |id| format!("${{{id}.Arn}}"))
}
