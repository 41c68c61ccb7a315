//! What was deleted and can be taken back (E6).

use aws_sdk_dynamodb::types::AttributeValue;
use vitrine_domain::ids::{MmsId, RepId};
use vitrine_domain::removal::{DeletedKind, Deletion};

use crate::catalog::{Catalog, Page, PageRequest, parse, service_limit};
use crate::error::StoreError;
use crate::keys;

impl Catalog {
    /// What was deleted of one kind and can be taken back, the newest first: one query for a page.
    pub async fn deleted(&self, kind: DeletedKind, page: &PageRequest) -> Result<Page<Deletion>, StoreError> {
        self.list(keys::deleted(kind), page).await
    }

    /// Up to `limit` things that were deleted below a title before it was, or below one of its representations.
    pub async fn deleted_below(
        &self,
        mms: &MmsId,
        rep: Option<&RepId>,
        limit: u32,
    ) -> Result<Vec<Deletion>, StoreError> {
        // Ids are digits: all of them sort before the title's own line, which is no part of what is below it.
        let (from, to) = match rep {
            Some(rep) => (keys::deleted_files_of(rep), format!("{}~", keys::deleted_files_of(rep))),
            None => ("0".to_owned(), "9~".to_owned()),
        };
        let answer = self
            .client()
            .query()
            .table_name(&self.tables().catalog)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(keys::deleted_below(mms)))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .consistent_read(true)
            .limit(service_limit(limit))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        answer.items.unwrap_or_default().into_iter().map(parse).collect()
    }
}
