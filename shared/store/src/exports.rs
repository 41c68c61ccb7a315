//! What exports keep in the catalogue: themselves, and the files that their runs wrote.

use vitrine_domain::export::{Export, ExportFile};
use vitrine_domain::ids::{ExportId, JobId};

use crate::catalog::{Catalog, Count, Page, PageRequest};
use crate::error::StoreError;
use crate::keys;

impl Catalog {
    /// An export, as it was last written.
    pub async fn export(&self, id: &ExportId) -> Result<Option<Export>, StoreError> {
        self.get(keys::export(id)).await
    }

    /// The exports, by name.
    pub async fn exports(&self, page: &PageRequest) -> Result<Page<Export>, StoreError> {
        self.list(keys::EXPORTS.to_owned(), page).await
    }

    /// How many exports there are.
    pub async fn count_exports(&self) -> Result<Count, StoreError> {
        self.count(keys::EXPORTS.to_owned()).await
    }

    /// The metadata files that a run wrote, in order. Eventually consistent.
    pub async fn files_of_export(
        &self,
        job: &JobId,
        page: &PageRequest,
    ) -> Result<Page<ExportFile>, StoreError> {
        self.list(keys::written_by(job), page).await
    }

    /// The metadata files from `first` on that a run wrote, at most 100, in order, as they were last written.
    pub async fn export_files_from(&self, job: &JobId, first: u32) -> Result<Vec<ExportFile>, StoreError> {
        let last = first.saturating_add(99);
        self.rows(job, keys::export_file_sort(first), keys::export_file_sort(last)).await
    }
}
