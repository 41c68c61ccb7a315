//! What is kept of files' fixity: one item a file, in the list that says when it is due (E9).

use aws_sdk_dynamodb::types::AttributeValue;
use vitrine_domain::Timestamp;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::fixity::Fixity;
use vitrine_domain::ids::FileId;

use crate::catalog::{Catalog, Count, INDEX, Page, PageRequest, parse, service_limit};
use crate::change::{CommitError, attributes};
use crate::error::StoreError;
use crate::keys::{self, Item};

impl Catalog {
    /// The fixity of a file, as it was last written.
    pub async fn fixity(&self, file: &FileId) -> Result<Option<Fixity>, StoreError> {
        self.get(keys::fixity(file)).await
    }

    /// The fixity of these files; at most 100 a call, in any order.
    pub async fn fixity_of(&self, files: &[FileId]) -> Result<Vec<Fixity>, StoreError> {
        self.batch(files.iter().map(keys::fixity)).await
    }

    /// Which of these files there are, deleted or not; at most 100 a call, in any order.
    pub async fn files_by_id(&self, files: &[FileId]) -> Result<Vec<DigitalFile>, StoreError> {
        self.batch(files.iter().map(keys::file)).await
    }

    /// The files of one list that are due at `now`, the longest due first: one query. One that can not be read does not
    /// hide the others.
    pub async fn due_fixity(
        &self,
        list: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Result<Fixity, StoreError>>, StoreError> {
        let answer = self
            .client()
            .query()
            .table_name(&self.tables().catalog)
            .index_name(INDEX)
            .key_condition_expression("i1pk = :pk AND i1sk <= :until")
            .expression_attribute_values(":pk", AttributeValue::S(list.to_owned()))
            .expression_attribute_values(":until", AttributeValue::S(format!("{}~", keys::instant(now))))
            .limit(service_limit(limit))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        Ok(answer.items.unwrap_or_default().into_iter().map(parse).collect())
    }

    /// The files of one list, those that are due first at its head. A file that is checked on the way moves to the end of
    /// its list or leaves it, so that a walk may see one twice and misses none that stays.
    pub async fn fixity_list(&self, list: &str, page: &PageRequest) -> Result<Page<Fixity>, StoreError> {
        self.list(list.to_owned(), page).await
    }

    /// How many files a list has.
    pub async fn count_fixity_list(&self, list: &str) -> Result<Count, StoreError> {
        self.count(list.to_owned()).await
    }

    /// Saves how far a check is, or that it found nothing new, over the version that was read; what it found goes into
    /// the file's history by a [`crate::Change`].
    ///
    /// # Errors
    /// [`CommitError::Changed`] where another version was written since.
    pub async fn save_fixity(&self, fixity: &Fixity) -> Result<(), CommitError> {
        let put = self
            .client()
            .put_item()
            .table_name(&self.tables().catalog)
            .set_item(Some(attributes(fixity, fixity.version + 1)?))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", AttributeValue::N(fixity.version.to_string()))
            .send()
            .await;
        match put {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(CommitError::Changed(Fixity::KIND))
            }
            Err(error) => Err(StoreError::of("PutItem", error).into()),
        }
    }
}
