//! Remote repositories: what remote representations name (D16).

use vitrine_domain::problem::Problems;
use vitrine_domain::remote::{RemoteRepository, RepositoryCode, RepositoryFields};
use vitrine_domain::representation::RepresentationFields;
use vitrine_domain::roles::Action;

use crate::bibs::check_version;
use crate::{App, AppError, Call, Rule};

impl App {
    /// The institution's remote repositories, by code; it has few.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn list_remote_repositories(&self, call: &Call) -> Result<Vec<RemoteRepository>, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        Ok(self.catalog.remote_repositories().await?)
    }

    /// One remote repository.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none.
    pub async fn read_remote_repository(
        &self,
        call: &Call,
        code: &RepositoryCode,
    ) -> Result<RemoteRepository, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        let found = self.catalog.remote_repository(code).await?;
        found.ok_or_else(|| AppError::not_found("remote repository", code))
    }

    /// Creates a remote repository or changes it; its links change with the next request.
    ///
    /// # Errors
    /// A template that leads nowhere; [`AppError::Precondition`] when `expected` is another version than it has.
    pub async fn put_remote_repository(
        &self,
        call: &Call,
        code: RepositoryCode,
        fields: RepositoryFields,
        expected: Option<u64>,
    ) -> Result<RemoteRepository, AppError> {
        call.actor.may(Action::ManageRemoteRepositories, None)?;
        fields.check()?;
        let before = self.catalog.remote_repository(&code).await?;
        let version = before.as_ref().map_or(0, |found| found.version);
        check_version("remote repository", version, expected)?;
        let after = RemoteRepository { code, fields, version };
        let mut change = self.change(call, "remote-repository.put", before.as_ref(), Some(&after));
        if version == 0 {
            change.create(&after)?;
        } else {
            change.replace(&after)?;
        }
        self.commit(call, change).await?;
        Ok(RemoteRepository { version: version + 1, ..after })
    }

    /// Refuses a remote representation of a repository that is not there, or with a policy of ours (D15).
    pub(crate) async fn check_remote(&self, fields: &RepresentationFields) -> Result<(), AppError> {
        let Some(remote) = &fields.remote else { return Ok(()) };
        let mut problems = Problems::default();
        remote.check(&mut problems);
        if fields.access_rights_policy_id.is_some() {
            problems.add("access_rights_policy_id", "must not be given for a remote representation");
        }
        if fields.thumbnail_file_id.is_some() {
            problems.add("thumbnail_file_id", "must not be given for a remote representation");
        }
        if self.catalog.remote_repository(&remote.repository).await?.is_none() {
            problems.add("repository", format!("there is no remote repository `{}`", remote.repository));
        }
        Ok(problems.into_result()?)
    }
}

/// Refuses files of ours below what is elsewhere (D15).
pub(crate) fn refuse_files(fields: &RepresentationFields) -> Result<(), AppError> {
    if fields.remote.is_some() { Err(Rule::RemoteHasNoFiles.into()) } else { Ok(()) }
}
