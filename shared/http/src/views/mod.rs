//! How each resource looks on the wire: the vendor's members and ours beside them (domain.md 2.3, 2.4, 3; ALMA-8 ... 14).

/// The shape of a page of a list: how many there are, where it goes on, and the items.
macro_rules! list_shape {
    ($name:ident: $root:literal of $member:literal $shape:ident) => {
        pub static $name: $crate::wire::Shape = $crate::wire::Shape {
            root: $root,
            members: &[
                $crate::wire::shape::count("total_record_count").attribute(),
                $crate::wire::shape::flag("total_record_count_is_minimum").attribute(),
                $crate::wire::shape::text("next").attribute(),
                $crate::wire::shape::object($member, &$shape).many(),
            ],
        };
    };
}

mod bibs;
mod collections;
mod deleted;
mod delivery;
mod exports;
mod files;
mod fixity;
mod history;
mod imports;
mod jobs;
mod libraries;
mod loans;
mod policies;
mod publishing;
mod remote;
mod representations;
mod sets;
mod structures;
mod uploads;
mod usage;
mod users;

use serde_json::{Map, Value, json};
use vitrine_domain::Timestamp;
use vitrine_domain::coded::Coded;
use vitrine_store::catalog::Count;

pub use self::bibs::{BIB, BIBS};
pub use self::collections::{COLLECTION, COLLECTIONS, MEMBER, MEMBERS};
pub use self::deleted::{DELETED, DELETED_LIST};
pub use self::exports::{EXPORT, EXPORT_FILES, EXPORTS, bag_file, export_file};
pub use self::files::{FILE, FILES};
pub use self::fixity::FIXITY_FILES;
pub use self::history::{AUDIT_ROWS, HISTORY, SEALS, audit_rows, history, seals};
pub use self::imports::{
    INGEST, INGEST_FILES, INGEST_PARTS, INGESTS, PROFILE, PROFILES, RUNS, arrived, file_ticket,
};
pub use self::jobs::{JOB, JOB_ORDER, JOBS, LINK, ROW, ROWS, report, row};
pub use self::libraries::{LIBRARIES, LIBRARY};
pub use self::loans::{LOANS, loans};
pub use self::policies::{POLICIES, POLICY, SIMULATED, SIMULATION, simulated};
pub use self::publishing::{OAI_REPOSITORY, PREVIEW, PUBLISHED_FILES, PUBLISHING, PUBLISHINGS, SECRET};
pub use self::remote::{REMOTE_REPOSITORIES, REMOTE_REPOSITORY};
pub use self::representations::{REPRESENTATION, REPRESENTATIONS};
pub use self::sets::{SET, SET_MEMBERS, SETS};
pub use self::structures::STRUCTURE;
pub use self::uploads::{PARTS, SIGNED_PARTS, UPLOAD, part, signed};
pub use self::usage::{Audience, USAGE, usage, usage_csv};
pub use self::users::{API_KEY, API_KEYS, PERMISSIONS, USER, USERS, permission};
use crate::wire::query::cursor;
use crate::wire::shape::{Shape, count, text};

/// Where addresses in views begin.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The API, without a trailing slash.
    pub api: String,
    /// Delivery, without a trailing slash.
    pub delivery: String,
    /// The institution's code.
    pub institution: String,
    /// Whether people can sign in at the issuer's page.
    pub sign_in: bool,
}

pub static LINKED: Shape =
    Shape { root: "linked", members: &[count("total_record_count").attribute(), text("link").attribute()] };

/// A coded value.
fn code<T: Coded>(value: T) -> Value {
    json!({ "value": value.code(), "desc": value.description() })
}

fn option_code<T: Coded>(value: Option<T>) -> Value {
    value.map_or(Value::Null, code)
}

/// The vendor's date: a day with a `Z`.
fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dZ").to_string()
}

/// Leaves out what is not there, so that absence has one spelling.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept: Map<String, Value> =
                members.into_iter().filter(|(_, value)| !value.is_null()).collect();
            Value::Object(kept)
        }
        other => other,
    }
}

/// A list with its size and, where it goes on, its cursor.
pub fn list(member: &'static str, items: Vec<Value>, total: Count, next: Option<&str>) -> Value {
    let mut view = json!({ member: items, "total_record_count": total.number });
    if let Some(members) = view.as_object_mut() {
        if total.at_least {
            members.insert("total_record_count_is_minimum".to_owned(), json!(true));
        }
        if let Some(next) = next {
            members.insert("next".to_owned(), json!(cursor(next)));
        }
    }
    view
}

impl Addresses {
    /// Where delivery is, without a path: scheme, host and port.
    pub fn origin(&self) -> &str {
        let host = self.delivery.find("://").map_or(0, |at| at + 3);
        let path = self.delivery.get(host..).and_then(|rest| rest.find('/'));
        path.and_then(|at| self.delivery.get(..host + at)).unwrap_or(&self.delivery)
    }

    fn bib_link(&self, mms: impl std::fmt::Display) -> String {
        format!("{}/bibs/{mms}", self.api)
    }

    fn thumbnail_url(&self, id: impl std::fmt::Display) -> String {
        format!("{}/delivery/thumbnail/{}/{id}", self.delivery, self.institution)
    }
}
