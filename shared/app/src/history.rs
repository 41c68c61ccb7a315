//! What happened to one thing: who did what, when, from where, before and after (D24).
//!
//! A history is there for as long as the audit table is, so also after its thing was deleted.

use vitrine_domain::audit::AuditRow;
use vitrine_domain::ids::{
    CollectionId, ExportId, FileId, IngestId, JobId, KeyId, MmsId, PolicyId, ProfileId, PublishingId, RepId,
    SetId, UploadId, UserId,
};
use vitrine_domain::library::LibraryCode;
use vitrine_domain::remote::RepositoryCode;
use vitrine_domain::roles::Action;
use vitrine_store::Page;

use crate::{App, AppError, Call};

/// Whose history is asked for.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each is the kind of its id")]
pub enum HistoryOf {
    Bib(MmsId),
    Representation(MmsId, RepId),
    File(MmsId, RepId, FileId),
    Collection(CollectionId),
    Policy(PolicyId),
    Profile(ProfileId),
    Ingest(ProfileId, IngestId),
    Upload(UploadId),
    Set(SetId),
    Export(ExportId),
    Remote(RepositoryCode),
    Oai,
    Publishing(PublishingId),
    Job(JobId),
    Library(LibraryCode),
    User(UserId),
    ApiKey(KeyId),
}

impl HistoryOf {
    /// As [`crate::Subject::subject`] spells it.
    fn subject(&self) -> String {
        match self {
            Self::Bib(id) => format!("BIB#{id}"),
            Self::Representation(_, id) => format!("REP#{id}"),
            Self::File(_, _, id) => format!("FILE#{id}"),
            Self::Collection(id) => format!("COLL#{id}"),
            Self::Policy(id) => format!("POLICY#{id}"),
            Self::Profile(id) => format!("PROFILE#{id}"),
            Self::Ingest(profile, id) => format!("INGEST#{profile}#{id}"),
            Self::Upload(id) => format!("UPLOAD#{id}"),
            Self::Set(id) => format!("SET#{id}"),
            Self::Export(id) => format!("EXPORT#{id}"),
            Self::Remote(code) => format!("REMOTE#{code}"),
            Self::Oai => "OAI".to_owned(),
            Self::Publishing(id) => format!("PUBLISHING#{id}"),
            Self::Job(id) => format!("JOB#{id}"),
            Self::Library(code) => format!("LIBRARY#{code}"),
            Self::User(id) => format!("USER#{id}"),
            Self::ApiKey(id) => format!("KEY#{id}"),
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::User(_) | Self::ApiKey(_) => Action::ReadUsers,
            _ => Action::ReadHistory,
        }
    }
}

impl App {
    /// What happened to one thing, the newest first; one query, and one read for what is reached through its parent.
    ///
    /// # Errors
    /// A missing role; [`AppError::NotFound`] for what was never there, or is reached through another's address.
    pub async fn history(
        &self,
        call: &Call,
        of: &HistoryOf,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<AuditRow>, AppError> {
        call.actor.may(of.action(), None)?;
        let subject = of.subject();
        let not_found = || AppError::not_found("history", subject.replace('#', " "));
        // Deleted representations and files stay as tombstones, so their place is known.
        let in_its_place = match of {
            HistoryOf::Representation(mms, id) => {
                self.catalog.representation(id).await?.is_some_and(|found| found.mms_id == *mms)
            }
            HistoryOf::File(mms, rep, id) => {
                let found = self.catalog.file(id).await?;
                found.is_some_and(|found| found.mms_id == *mms && found.representation == *rep)
            }
            _ => true,
        };
        if !in_its_place {
            return Err(not_found());
        }
        let page = self.catalog.history(&subject, limit, after).await?;
        if page.items.is_empty() && after.is_none() {
            return Err(not_found());
        }
        Ok(page)
    }
}
