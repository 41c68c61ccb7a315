//! Libraries: what collections and representations name and roles are scoped to.

use vitrine_domain::library::{Library, LibraryCode};
use vitrine_domain::problem::Problems;
use vitrine_domain::roles::Action;

use crate::bibs::check_version;
use crate::{App, AppError, Call, Rule};

impl App {
    /// The institution's libraries, by code.
    ///
    /// # Errors
    /// A caller without any staff role.
    pub async fn list_libraries(&self, call: &Call) -> Result<Vec<Library>, AppError> {
        call.actor.may(Action::ReadCatalogue, None)?;
        Ok(self.catalog.libraries().await?)
    }

    /// Creates a library or changes its name.
    ///
    /// # Errors
    /// [`AppError::Precondition`] when `expected` is another version than it has.
    pub async fn put_library(
        &self,
        call: &Call,
        code: LibraryCode,
        name: &str,
        expected: Option<u64>,
    ) -> Result<Library, AppError> {
        call.actor.may(Action::ConfigureInstitution, None)?;
        let mut problems = Problems::default();
        problems.check_text("name", name, 255);
        problems.into_result()?;
        let before = self.catalog.library(&code).await?;
        let version = before.as_ref().map_or(0, |library| library.version);
        check_version("library", version, expected)?;
        let after = Library { code, name: name.to_owned(), version };
        let mut change = self.change(call, "library.put", before.as_ref(), Some(&after));
        if version == 0 {
            change.create(&after)?;
        } else {
            change.replace(&after)?;
        }
        self.commit(call, change).await?;
        Ok(Library { version: version + 1, ..after })
    }

    /// Refuses a code that no library has (402469).
    pub(crate) async fn check_library(&self, code: &LibraryCode) -> Result<(), AppError> {
        match self.catalog.library(code).await? {
            Some(_) => Ok(()),
            None => Err(Rule::UnknownLibrary(code.to_string()).into()),
        }
    }
}
