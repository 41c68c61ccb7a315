//! The one error body: RFC 9457's members and the vendor's in one document (design section 6, D22, ALMA-7).

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use vitrine_app::AppError;
use vitrine_domain::problem::FieldProblem;

use super::format::Format;
use super::xml_write::{DECLARATION, escape_text};

/// Where the meaning of a problem's `type` is written.
const TYPES: &str = "urn:vitrine:problem:";
/// The vendor's namespace of error bodies.
const VENDOR_NAMESPACE: &str = "http://com/exlibris/urm/general/xmlbeans";

/// Why a request was not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable word for the kind of problem; the end of its `type`.
    pub kind: &'static str,
    /// The kind in words.
    pub title: &'static str,
    /// What happened this time, for a person.
    pub detail: String,
    /// The fields that were wrong.
    pub fields: Vec<FieldProblem>,
    /// The vendor's error code, or a word where the vendor has none.
    pub code: &'static str,
    /// After how many seconds trying again makes sense.
    pub retry_after: Option<u32>,
    /// What else a program can use, as RFC 9457 lets problems carry it.
    pub more: More,
}

/// Further members. Most problems have none, and a problem is handed on as it is, so they take no room in it.
#[allow(clippy::box_collection, reason = "a small error")]
pub type More = Option<Box<Vec<(&'static str, String)>>>;

impl Problem {
    /// A problem without fields.
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            fields: Vec::new(),
            code,
            retry_after: None,
            more: None,
        }
    }

    /// 400 for one field or parameter.
    pub fn bad_field(field: &str, message: impl Into<String>) -> Self {
        Self::bad_fields(vec![FieldProblem { field: field.to_owned(), message: message.into() }])
    }

    /// 400 for several fields.
    pub fn bad_fields(fields: Vec<FieldProblem>) -> Self {
        let said: Vec<String> =
            fields.iter().map(|problem| format!("`{}` {}", problem.field, problem.message)).collect();
        let problem = Self::new(
            StatusCode::BAD_REQUEST,
            "invalid-input",
            "The input can not be taken",
            "401652",
            said.join("; "),
        );
        Self { fields, ..problem }
    }

    /// 400 for a body that can not be read.
    pub fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable-body", "The body can not be read", "401652", detail)
    }

    /// 401. Says nothing of what was wrong with the credential.
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "No valid credential",
            "UNAUTHORIZED",
            "send a valid `Authorization: Bearer` token, `Authorization: apikey` or `apikey` parameter, and only one of them",
        )
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", "NOT_FOUND", detail)
    }

    /// 404 of delivery: what is not there and what is not offered are told alike (B31).
    pub fn no_resource(id: &str) -> Self {
        AppError::NotFound { kind: "digital resource", id: id.chars().take(64).collect() }.into()
    }

    /// 403 for a change that a page of another site asks for with our cookie.
    pub fn foreign_page() -> Self {
        let detail = "the page that asks is not of an origin that may";
        Self::new(StatusCode::FORBIDDEN, "foreign-page", "Not from here", "FORBIDDEN", detail)
    }

    /// 412 (D25).
    pub fn precondition_failed() -> Self {
        let detail = "it was changed since; read it again and decide anew";
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "changed",
            "Changed since it was read",
            "PRECONDITION_FAILED",
            detail,
        )
    }

    /// 429, with the vendor's code (domain.md 6.5) and the seconds after which to try again.
    pub fn too_many(what: &str, wait_seconds: u64) -> Self {
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests",
            "PER_SECOND_THRESHOLD",
            format!("{what}; try again in {wait_seconds} s"),
        );
        Self { retry_after: Some(u32::try_from(wait_seconds).unwrap_or(u32::MAX)), ..problem }
    }

    /// 503: trying again in a moment can help.
    pub fn unavailable(detail: &str) -> Self {
        let title = "Not available now";
        let problem =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, "SERVICE_UNAVAILABLE", detail);
        Self { retry_after: Some(2), ..problem }
    }

    /// 500 without any detail.
    pub fn internal() -> Self {
        let detail = "the request failed for a reason of our own; the tracking id leads to it";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            "INTERNAL_SERVER_ERROR",
            detail,
        )
    }

    /// The document in a format; `instance` and the tracking id are the request's id.
    pub fn render(&self, format: Format, request_id: &str) -> String {
        match format {
            Format::Json => self.as_json(request_id).to_string(),
            Format::Xml => self.as_xml(request_id),
        }
    }

    /// The same with a member that a program can use; nothing where there is no value.
    pub fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.more.get_or_insert_default().push((name, value));
        }
        self
    }

    fn as_json(&self, request_id: &str) -> Value {
        let mut body = json!({
            "type": format!("{TYPES}{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": format!("urn:vitrine:request:{request_id}"),
            "fields": self.fields,
            "errorsExist": true,
            "errorList": { "error": [{ "errorCode": self.code, "errorMessage": self.detail, "trackingId": request_id }] },
            "result": null,
        });
        if let Some(members) = body.as_object_mut() {
            let more = self.more.iter().flat_map(|more| more.iter());
            members.extend(more.map(|(name, value)| ((*name).to_owned(), json!(value))));
        }
        body
    }

    fn as_xml(&self, request_id: &str) -> String {
        let mut fields = String::new();
        for problem in &self.fields {
            let (field, message) = (escape_text(&problem.field), escape_text(&problem.message));
            fields.push_str(&format!("<field><name>{field}</name><message>{message}</message></field>"));
        }
        let mut more = String::new();
        for (name, value) in self.more.iter().flat_map(|more| more.iter()) {
            more.push_str(&format!("<{name}>{}</{name}>", escape_text(value)));
        }
        format!(
            "{DECLARATION}<web_service_result xmlns=\"{VENDOR_NAMESPACE}\"><errorsExist>true</errorsExist><errorList><error>\
             <errorCode>{}</errorCode><errorMessage>{}</errorMessage><trackingId>{}</trackingId></error></errorList>\
             <problem><type>{TYPES}{}</type><title>{}</title><status>{}</status><detail>{}</detail>\
             <instance>urn:vitrine:request:{}</instance><fields>{fields}</fields>{more}</problem></web_service_result>",
            self.code,
            escape_text(&self.detail),
            escape_text(request_id),
            self.kind,
            self.title,
            self.status.as_u16(),
            escape_text(&self.detail),
            escape_text(request_id),
        )
    }
}

impl IntoResponse for Problem {
    /// Leaves the problem for the edge, which knows the format.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        let fields = vec![FieldProblem {
            field: "usage_type".to_owned(),
            message: "must be one of: A, B & <C>".to_owned(),
        }];
        Problem::bad_fields(fields)
    }

    #[test]
    fn one_json_body_is_both_rfc_9457_and_the_vendors() {
        insta::assert_json_snapshot!(problem().as_json("r-1"));
    }

    #[test]
    fn the_xml_body_is_the_vendors_with_the_same_facts() {
        insta::assert_snapshot!(problem().as_xml("r-1"));
    }
}
