//! The table of what viewers do: sessions, declarations, seats, loans. Delivery may write this one and no other; all of it may
//! be lost without harm to the catalogue.

mod loans;

pub use loans::Lending;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, ReturnValue, TransactWriteItem};
use serde::de::DeserializeOwned;
use vitrine_domain::ids::RepId;
use vitrine_domain::rights::watermark::{Wish, WishId};
use vitrine_domain::seats::{Seat, Slot, Waiting};
use vitrine_domain::session::{Declared, Holder, Pass, Session, SessionId, SignIn};

use crate::catalog::{get_item, parse};
use crate::change::{Attributes, attributes, key_attributes};
use crate::error::StoreError;
use crate::keys::{self, Item, Key};

/// The table.
#[derive(Debug, Clone)]
pub struct Sessions {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// Who sits before a representation and who waits, as one reading found it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// The slots that were ever taken, and are not forgotten yet.
    pub slots: Vec<Slot>,
    /// The line.
    pub line: Vec<Waiting>,
}

/// Whether a write found what it expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It did, and wrote.
    Done,
    /// Another came first; nothing was written.
    Beaten,
}

const FAILED_CHECK: &str = "ConditionalCheckFailed";
const CONFLICT: &str = "TransactionConflict";
const TRANSACTION: &str = "TransactWriteItems";

impl Sessions {
    /// The table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The session of a browser in which someone has signed in.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        self.get(keys::session(id)).await
    }

    /// Keeps a session.
    pub async fn keep_session(&self, session: &Session) -> Result<(), StoreError> {
        self.put(session).await
    }

    /// Ends a session; nothing is fine.
    pub async fn end_session(&self, id: &SessionId) -> Result<(), StoreError> {
        self.delete(keys::session(id)).await
    }

    /// Keeps a sign-in that was begun.
    pub async fn keep_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        self.put(sign_in).await
    }

    /// Takes a sign-in that this browser began: whoever comes second finds none, and so does another browser, which leaves
    /// it where it is.
    pub async fn take_sign_in(
        &self,
        state: &SessionId,
        browser: &SessionId,
    ) -> Result<Option<SignIn>, StoreError> {
        let taken = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&keys::sign_in(state))))
            .condition_expression("browser = :browser")
            .expression_attribute_values(":browser", AttributeValue::S(browser.to_string()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match taken {
            Ok(taken) => taken.attributes.map(parse).transpose(),
            Err(error)
                if error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::of("DeleteItem", error)),
        }
    }

    /// A viewer's pass.
    pub async fn pass(&self, id: &SessionId) -> Result<Option<Pass>, StoreError> {
        self.get(keys::pass(id)).await
    }

    /// Keeps a pass.
    pub async fn keep_pass(&self, pass: &Pass) -> Result<(), StoreError> {
        self.put(pass).await
    }

    /// What a viewer has answered to a representation's declaration.
    pub async fn declared(&self, holder: &Holder, rep: &RepId) -> Result<Option<Declared>, StoreError> {
        self.get(keys::declared(holder, rep)).await
    }

    /// Keeps what a viewer has answered.
    pub async fn keep_declared(&self, declared: &Declared) -> Result<(), StoreError> {
        self.put(declared).await
    }

    /// A viewer's seat, held or over.
    pub async fn seat(&self, rep: &RepId, holder: &Holder) -> Result<Option<Seat>, StoreError> {
        self.get(keys::seat(rep, holder)).await
    }

    /// Who sits and who waits: one query, longer with the number of seats that the rule gives.
    pub async fn room(&self, rep: &RepId) -> Result<Room, StoreError> {
        let mut room = Room::default();
        for item in self.partition(keys::room(rep)).await? {
            if item.contains_key("number") {
                room.slots.push(parse(item)?);
            } else {
                room.line.push(parse(item)?);
            }
        }
        Ok(room)
    }

    /// Takes a seat: its slot, where that is as `seen`; the viewer's own entry, where it is at the version of `seat`; and
    /// the viewer's place in the line goes.
    pub async fn take_seat(
        &self,
        seat: &Seat,
        seen: Option<&Slot>,
        place: Option<&Waiting>,
    ) -> Result<Written, StoreError> {
        let slot = attributes(&seat.as_slot(), 1)?;
        let slot = match seen {
            None => self.put_if(slot, "attribute_not_exists(pk)", Attributes::new())?,
            Some(seen) => {
                let seen = attributes(seen, 1)?;
                let value = |name: &str| seen.get(name).cloned().unwrap_or(AttributeValue::Null(true));
                let values = Attributes::from([
                    (":holder".to_owned(), value("holder")),
                    (":lease".to_owned(), value("lease_until")),
                ]);
                self.put_if(slot, "holder = :holder AND lease_until = :lease", values)?
            }
        };
        let mut writes = vec![slot, self.put_seat(seat)?];
        if let Some(place) = place {
            writes.push(self.delete_if(&place.key(), None)?);
        }
        self.transact(writes).await
    }

    /// Keeps a seat that goes on: the slot must still be its holder's.
    pub async fn renew_seat(&self, seat: &Seat) -> Result<Written, StoreError> {
        let slot = self.put_if(attributes(&seat.as_slot(), 1)?, OWN, own(seat))?;
        let writes = vec![slot, self.put_seat(seat)?];
        self.transact(writes).await
    }

    /// Gives a slot back, which must still be its holder's; the seat stays for a while, because it says when its viewer may
    /// take another.
    pub async fn free_seat(&self, seat: &Seat) -> Result<Written, StoreError> {
        let slot = self.delete_if(&seat.as_slot().key(), Some((OWN, own(seat))))?;
        let writes = vec![slot, self.put_seat(seat)?];
        self.transact(writes).await
    }

    /// Keeps a place in the line.
    pub async fn keep_place(&self, place: &Waiting) -> Result<(), StoreError> {
        self.put(place).await
    }

    /// Gives a place in the line up.
    pub async fn leave_line(&self, place: &Waiting) -> Result<(), StoreError> {
        self.delete(place.key()).await
    }

    /// The wish for a marked copy.
    pub async fn wish(&self, id: &WishId) -> Result<Option<Wish>, StoreError> {
        self.get(keys::wish(id)).await
    }

    /// Keeps the wish for a marked copy, unless somebody asked for the same a moment before `now`.
    pub async fn keep_wish(&self, wish: &Wish, now: i64) -> Result<Written, StoreError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes(wish, 1)?))
            .condition_expression("attribute_not_exists(pk) OR asked_until <= :now")
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Written::Done),
            Err(error)
                if error.as_service_error().is_some_and(|it| it.is_conditional_check_failed_exception()) =>
            {
                Ok(Written::Beaten)
            }
            Err(error) => Err(StoreError::of("PutItem", error)),
        }
    }

    /// Forgets a wish that nobody was told of.
    pub async fn forget_wish(&self, id: &WishId) -> Result<(), StoreError> {
        self.delete(keys::wish(id)).await
    }

    /// All that lies in a partition, which is known to be small.
    async fn partition(&self, partition: String) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(partition.clone()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::of("Query", error))?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    async fn get<T: Item + DeserializeOwned>(&self, key: Key) -> Result<Option<T>, StoreError> {
        get_item(&self.client, &self.table, &key).await
    }

    async fn put<T: Item>(&self, item: &T) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes(item, 1)?))
            .send()
            .await
            .map_err(|error| StoreError::of("PutItem", error))?;
        Ok(())
    }

    async fn delete(&self, key: Key) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&key)))
            .send()
            .await
            .map_err(|error| StoreError::of("DeleteItem", error))?;
        Ok(())
    }

    /// The seat, over the version that was read.
    fn put_seat(&self, seat: &Seat) -> Result<TransactWriteItem, StoreError> {
        let written = attributes(seat, seat.version + 1)?;
        match seat.version {
            0 => self.put_if(written, "attribute_not_exists(pk)", Attributes::new()),
            version => {
                let seen = AttributeValue::N(version.to_string());
                self.put_if(written, "#version = :seen", Attributes::from([(":seen".to_owned(), seen)]))
            }
        }
    }

    fn put_if(
        &self,
        item: Attributes,
        condition: &str,
        values: Attributes,
    ) -> Result<TransactWriteItem, StoreError> {
        let names =
            condition.contains("#version").then(|| [("#version".to_owned(), "version".to_owned())].into());
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build()
            .map_err(|error| StoreError::unavailable_because(TRANSACTION, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete_if(
        &self,
        key: &Key,
        condition: Option<(&str, Attributes)>,
    ) -> Result<TransactWriteItem, StoreError> {
        let (condition, values) = condition.unzip();
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(key)))
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_values(values)
            .build()
            .map_err(|error| StoreError::unavailable_because(TRANSACTION, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<Written, StoreError> {
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        let error = match sent {
            Ok(_) => return Ok(Written::Done),
            Err(error) => error,
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
            error.as_service_error()
        {
            let beaten = canceled
                .cancellation_reasons()
                .iter()
                .any(|reason| [Some(FAILED_CHECK), Some(CONFLICT)].contains(&reason.code()));
            if beaten {
                return Ok(Written::Beaten);
            }
        }
        match error.code() {
            Some("TransactionConflictException" | "TransactionInProgressException") => Ok(Written::Beaten),
            _ => Err(StoreError::of(TRANSACTION, error)),
        }
    }
}

const OWN: &str = "holder = :holder";

fn own(seat: &Seat) -> Attributes {
    Attributes::from([(":holder".to_owned(), AttributeValue::S(seat.holder.to_string()))])
}
