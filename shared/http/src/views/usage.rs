//! Usage reports (U1): a row a day and thing, people and robots apart.

use serde_json::{Map, Value, json};
use vitrine_domain::coded::Coded;
use vitrine_domain::usage::{Counts, Measure, UsageRow};

use super::without_nulls;
use crate::wire::query::cursor;
use crate::wire::shape::{Shape, coded, count, object, text};

pub static USAGE_ROW: Shape = Shape {
    root: "row",
    members: &[
        text("date"),
        text("id"),
        text("mms_id"),
        text("representation_id"),
        count("representation_view"),
        count("denied"),
        count("file_view"),
        count("download"),
        count("share"),
        count("declaration_refused"),
    ],
};

pub static USAGE: Shape = Shape {
    root: "usage",
    members: &[text("next").attribute(), coded("by"), coded("counted"), object("row", &USAGE_ROW).many()],
};

vitrine_domain::coded!(
    /// Whose use a report tells of.
    Audience, "audience" {
        /// People; what is not a robot.
        People = "people": "People",
        /// Programs that name themselves as such.
        Robots = "robots": "Robots",
        /// Both.
        All = "all": "People and robots",
    }
);

fn times(row: &UsageRow, of: Audience, measure: Measure) -> u64 {
    let on = |side: &Counts| side.get(&measure).copied().unwrap_or(0);
    match of {
        Audience::People => on(&row.people),
        Audience::Robots => on(&row.robots),
        Audience::All => on(&row.people) + on(&row.robots),
    }
}

/// A page of a report.
pub fn usage(rows: &[UsageRow], by: Value, of: Audience, next: Option<&str>) -> Value {
    let views: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut members = Map::new();
            members.insert("date".to_owned(), json!(row.day));
            members.insert("id".to_owned(), json!(row.entity));
            members.insert("mms_id".to_owned(), json!(row.title));
            members.insert("representation_id".to_owned(), json!(row.representation));
            for measure in Measure::ALL {
                members.insert(measure.code().to_owned(), json!(times(row, of, *measure)));
            }
            without_nulls(Value::Object(members))
        })
        .collect();
    without_nulls(json!({
        "by": by,
        "counted": { "value": of.code(), "desc": of.description() },
        "row": views,
        "next": next.map(cursor),
    }))
}

/// The same for spreadsheets; what begins a formula there is made a text (B51).
pub fn usage_csv(rows: &[UsageRow], of: Audience) -> String {
    let mut out = String::from("date,id,mms_id,representation_id");
    for measure in Measure::ALL {
        out.push_str(&format!(",{}", measure.code()));
    }
    out.push_str("\r\n");
    for row in rows {
        let id = |id: Option<&str>| cell(id.unwrap_or_default());
        let (title, representation) =
            (row.title.as_ref().map(|id| id.as_str()), row.representation.as_ref().map(|id| id.as_str()));
        out.push_str(&format!("{},{},{},{}", row.day, cell(&row.entity), id(title), id(representation)));
        for measure in Measure::ALL {
            out.push_str(&format!(",{}", times(row, of, *measure)));
        }
        out.push_str("\r\n");
    }
    out
}

fn cell(text: &str) -> String {
    let begins_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let text = if begins_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b51_a_groups_name_is_no_formula() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("a,b", "\"a,b\""),
            ("@x\"y", "\"'@x\"\"y\""),
            ("STAFF", "STAFF"),
            ("(staff)", "(staff)"),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
