//! The one mapping from a use case's error to an answer (design section 6).

use http::StatusCode;
use vitrine_app::{AppError, Rule};

use crate::auth::AuthError;
use crate::wire::Problem;

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let text = error.to_string();
        match error {
            AppError::Refused(_) => {
                Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", "FORBIDDEN", text)
            }
            AppError::NotFound { kind, .. } => {
                let code = if kind == "bib record" { "402203" } else { "401652" };
                Problem { code, ..Problem::not_found(text) }
            }
            AppError::Invalid(problems) => {
                let code = if problems.0.iter().any(|problem| problem.field == "order") {
                    "702266"
                } else {
                    "401652"
                };
                let code =
                    if problems.0.iter().any(|problem| problem.field == "name") { "402472" } else { code };
                Problem { code, ..Problem::bad_fields(problems.0) }
            }
            AppError::Rule(rule) => {
                let (kind, code) = rule_codes(&rule);
                Problem::new(rule_status(&rule), kind, "A rule of the repository forbids it", code, text)
            }
            AppError::Precondition { .. } => Problem::precondition_failed(),
            AppError::Conflict(_) => {
                Problem::new(StatusCode::CONFLICT, "conflict", "Changed at the same time", "CONFLICT", text)
            }
            AppError::Internal(source) => {
                tracing::error!(error = &*source as &dyn std::error::Error, "a storage service refused");
                Problem::internal()
            }
            AppError::Unavailable(source) => {
                tracing::error!(error = &*source as &dyn std::error::Error, "a storage service failed");
                Problem::unavailable("a storage service did not answer; try again")
            }
        }
    }
}

/// The vendor answers 400 to whatever a rule forbids. Taking back is ours: it is refused for what else is there now.
fn rule_status(rule: &Rule) -> StatusCode {
    match rule {
        Rule::ParentDeleted(..) | Rule::TooLate(..) | Rule::IdentifierTaken(..) => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The kind of problem and the vendor's code, where it has one (domain.md 3, 6.5).
fn rule_codes(rule: &Rule) -> (&'static str, &'static str) {
    match rule {
        Rule::NotInCollection => ("not-in-collection", "402260"),
        Rule::HasRepresentations(_) => ("has-representations", "401873"),
        Rule::HasFiles => ("has-files", "401873"),
        Rule::BelongsToCollection | Rule::IsCollectionRecord => ("collection-record", "401652"),
        Rule::DuplicateName(_) => ("duplicate-name", "402471"),
        Rule::UnknownLibrary(_) => ("unknown-library", "402469"),
        Rule::UnknownParent(_) => ("unknown-parent", "402550"),
        Rule::Cycle | Rule::TooDeep(_) => ("impossible-parent", "402550"),
        Rule::HasSubCollections(_) | Rule::HasTitles => ("collection-not-empty", "402215"),
        Rule::AlreadyMember => ("already-member", "701115"),
        Rule::TooManyCollections(_) => ("too-many-collections", "402215"),
        Rule::LastCollection => ("last-collection", "402260"),
        Rule::NotInEither => ("not-in-collection", "402260"),
        Rule::NoSuchObject(_) => ("no-such-object", "401652"),
        Rule::UploadClosed(_) => ("upload-closed", "401652"),
        Rule::NotMultipart => ("not-multipart", "401652"),
        Rule::WrongParts(_) => ("wrong-parts", "401652"),
        Rule::FilePending => ("file-pending", "401652"),
        Rule::DuplicateProfileName(_) => ("duplicate-name", "401652"),
        Rule::DuplicatePolicyName(_) => ("duplicate-name", "401652"),
        Rule::PolicyInUse(_) => ("policy-in-use", "401652"),
        Rule::ProfileInactive | Rule::ProfileInUse => ("profile-state", "401652"),
        Rule::IngestClosed(_) => ("ingest-closed", "401652"),
        Rule::NoMetadataFile(_) | Rule::SeveralMetadataFiles(..) => ("metadata-file", "401652"),
        Rule::DuplicatePublishing(_) => ("duplicate-name", "402471"),
        Rule::TooManyPublishing(_)
        | Rule::PublishingActive
        | Rule::PublishingInactive
        | Rule::NoSecret
        | Rule::NotPublished => ("publishing", "401652"),
        Rule::JobNotEnded(_) | Rule::JobEnded(_) | Rule::NoReport | Rule::NothingToResubmit => {
            ("job-state", "401652")
        }
        Rule::NotUndoable(_) => ("not-undoable", "401652"),
        Rule::RowNotWaiting(_) => ("row-state", "401652"),
        Rule::RemoteHasNoFiles => ("remote-has-no-files", "401652"),
        Rule::SetInUse(_) => ("set-in-use", "401652"),
        Rule::NotTitles | Rule::LogicalSet => ("set-kind", "401652"),
        Rule::ParentDeleted(..) => ("parent-deleted", "401652"),
        Rule::TooLate(..) => ("too-late", "401652"),
        Rule::IdentifierTaken(..) => ("identifier-taken", "401652"),
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Missing => Problem::unauthenticated(),
            AuthError::Invalid(reason) => {
                tracing::warn!(reason, "credential refused");
                Problem::unauthenticated()
            }
            AuthError::TooMany { wait_seconds } => {
                tracing::warn!(wait_seconds, "credential not looked at after too many wrong ones");
                Problem::too_many("too many wrong credentials from this address", wait_seconds)
            }
            AuthError::Unavailable => Problem::unavailable("credentials can not be checked now; try again"),
        }
    }
}
