//! Loans in the table of what viewers do: a copy and its borrower's entry are written and deleted together (A18).

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use serde::de::DeserializeOwned;
use vitrine_domain::ids::{RepId, UserId};
use vitrine_domain::loans::{LentCopy, Loan};
use vitrine_domain::session::Holder;

use super::{Sessions, Written};
use crate::catalog::{Page, parse};
use crate::change::{Attributes, attributes};
use crate::error::StoreError;
use crate::keys::{self, Item, Key};

/// A loan that is to begin, and all that it was decided upon; it begins where nothing of that has changed.
#[derive(Debug, Clone, Copy)]
pub struct Lending<'a> {
    /// The loan.
    pub loan: &'a Loan,
    /// The borrower's entry, of a loan that is over.
    pub own: Option<&'a Loan>,
    /// The copies.
    pub copies: &'a [LentCopy],
    /// The entry of who has the copy still, though not for long enough under the rules as they are now: it goes.
    pub ended: Option<&'a Loan>,
}

impl Sessions {
    /// A user's loan, held or over.
    pub async fn loan(&self, rep: &RepId, borrower: &UserId) -> Result<Option<Loan>, StoreError> {
        self.get(keys::loan(rep, borrower)).await
    }

    /// The copies that are out, or were and are not forgotten yet: one query, longer with the number that the rule lends.
    pub async fn lent_copies(&self, rep: &RepId) -> Result<Vec<LentCopy>, StoreError> {
        self.partition(keys::lent(rep)).await?.into_iter().map(parse).collect()
    }

    /// A page of the same, by number: one query.
    pub async fn list_lent_copies(
        &self,
        rep: &RepId,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<LentCopy>, StoreError> {
        self.page(keys::lent(rep), keys::LENT_COPY, limit, after).await
    }

    /// A page of a user's loans, by representation: one query.
    pub async fn list_loans(
        &self,
        borrower: &UserId,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<Loan>, StoreError> {
        self.page(keys::held_by(&Holder::user(borrower)), keys::LOAN, limit, after).await
    }

    /// Begins a loan: its copy, where that is as it was seen; the borrower's entry, likewise; and what the borrower or
    /// another had of it before goes.
    pub async fn lend(&self, lending: Lending<'_>) -> Result<Written, StoreError> {
        let Lending { loan, own, copies, ended } = lending;
        let copy = loan.as_copy();
        let seen = copies.iter().find(|seen| seen.copy_number == copy.copy_number);
        let mut writes = vec![self.put_over(&copy, seen)?, self.put_over(loan, own)?];
        for former in copies.iter().filter(|it| it.borrower == copy.borrower && Some(*it) != seen) {
            writes.push(self.delete_seen(former)?);
        }
        if let Some(ended) = ended {
            writes.push(self.delete_seen(ended)?);
        }
        self.transact(writes).await
    }

    /// Ends a loan at once: its copy is in.
    pub async fn end_loan(&self, loan: &Loan) -> Result<Written, StoreError> {
        let writes = vec![self.delete_seen(&loan.as_copy())?, self.delete_seen(loan)?];
        self.transact(writes).await
    }

    async fn page<T: Item + DeserializeOwned>(
        &self,
        partition: String,
        prefix: &str,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<T>, StoreError> {
        let start = after.filter(|after| after.starts_with(prefix)).map(|after| {
            let key = Key { pk: partition.clone(), sk: after.to_owned() };
            crate::change::key_attributes(&key)
        });
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", AttributeValue::S(partition))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let items = answer.items.unwrap_or_default().into_iter().map(parse).collect::<Result<_, _>>()?;
        let last = answer.last_evaluated_key.and_then(|mut key| key.remove("sk"));
        Ok(Page { items, next: last.and_then(|sk| sk.as_s().ok().cloned()) })
    }

    /// Writes an item over the one that was seen, or where none was.
    fn put_over<T: Item>(&self, item: &T, seen: Option<&T>) -> Result<TransactWriteItem, StoreError> {
        let item = attributes(item, 1)?;
        match seen {
            None => self.put_if(item, "attribute_not_exists(pk)", Attributes::new()),
            Some(seen) => self.put_if(item, SAME, same(seen)?),
        }
    }

    fn delete_seen<T: Item>(&self, seen: &T) -> Result<TransactWriteItem, StoreError> {
        self.delete_if(&seen.key(), Some((SAME, same(seen)?)))
    }
}

/// That an item is of the loan that it was seen with.
const SAME: &str = "borrower = :borrower AND copy_number = :copy AND borrowed_at = :at";

fn same<T: Item>(seen: &T) -> Result<Attributes, StoreError> {
    let mut seen = attributes(seen, 1)?;
    let names = [(":borrower", "borrower"), (":copy", "copy_number"), (":at", "borrowed_at")];
    let values = names
        .map(|(value, name)| (value.to_owned(), seen.remove(name).unwrap_or(AttributeValue::Null(true))));
    Ok(Attributes::from(values))
}
