//! What access rights keep in the catalogue: policies, and which representations name them.

use vitrine_domain::ids::{PolicyId, RepId};
use vitrine_domain::representation::Representation;
use vitrine_domain::rights::AccessRightsPolicy;

use crate::catalog::{Catalog, Count, Page, PageRequest};
use crate::error::StoreError;
use crate::keys::{self, PolicyUse};

impl Catalog {
    /// An access rights policy, as it was last written.
    pub async fn policy(&self, id: &PolicyId) -> Result<Option<AccessRightsPolicy>, StoreError> {
        self.get(keys::policy(id)).await
    }

    /// Which of these policies there are, as they were last written; at most 100 a call.
    pub async fn policies_by_id(&self, ids: &[PolicyId]) -> Result<Vec<AccessRightsPolicy>, StoreError> {
        self.batch(ids.iter().map(keys::policy)).await
    }

    /// The access rights policies, by name.
    pub async fn policies(&self, page: &PageRequest) -> Result<Page<AccessRightsPolicy>, StoreError> {
        self.list(keys::POLICIES.to_owned(), page).await
    }

    /// How many access rights policies there are.
    pub async fn count_policies(&self) -> Result<Count, StoreError> {
        self.count(keys::POLICIES.to_owned()).await
    }

    /// The representations that name a policy, by id. Eventually consistent.
    pub async fn uses_of_policy(
        &self,
        id: &PolicyId,
        page: &PageRequest,
    ) -> Result<Page<PolicyUse>, StoreError> {
        self.list(keys::policy_uses(id), page).await
    }

    /// How many representations name a policy. Eventually consistent.
    pub async fn count_uses_of_policy(&self, id: &PolicyId) -> Result<Count, StoreError> {
        self.count(keys::policy_uses(id)).await
    }

    /// Whether a representation names a policy; also one that was written a moment ago.
    pub async fn is_policy_used(&self, id: &PolicyId) -> Result<bool, StoreError> {
        let answer = self
            .partition(&keys::policy_uses(id))
            .limit(1)
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        Ok(answer.count > 0)
    }

    /// Which of these representations there are, deleted or not; at most 100 a call, in any order.
    pub async fn representations(&self, ids: &[RepId]) -> Result<Vec<Representation>, StoreError> {
        self.batch(ids.iter().map(keys::representation)).await
    }
}
