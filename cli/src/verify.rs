//! `vitrine verify-audit`: computes the seals over the audit trail anew and names every row that does not fit.
//!
//! The arithmetic is written from ADR 0010 and shares no code with the service, so that it is a second opinion.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api::Api;
use crate::args::VerifyAuditArgs;
use crate::digest::hex;
use crate::failure::Failure;
use crate::terminal::{count, note, plain};

/// What the first manifest of all names as the one before it.
const NOTHING_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// A manifest is small; a list is not without end.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;

#[derive(Deserialize)]
struct SealPage {
    #[serde(default)]
    manifest: Vec<Seal>,
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Seal {
    hour: String,
    sha256: String,
    link: String,
    list: Vec<ListLink>,
}

#[derive(Deserialize)]
struct ListLink {
    shard: u8,
    link: String,
}

#[derive(Deserialize)]
struct Manifest {
    hour: String,
    rows: u64,
    root: String,
    previous: String,
    lists: Vec<SealedList>,
}

#[derive(Deserialize)]
struct SealedList {
    shard: u8,
    rows: u64,
}

#[derive(Deserialize)]
struct RowPage {
    #[serde(default)]
    row: Vec<Row>,
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    key: String,
    subject: String,
    record: String,
}

/// An hour is sealed half an hour after its end; later than this something is wrong.
const LATE_HOURS: u64 = 3;

/// A row's key and subject, as it is listed.
type Place = (String, String);

/// Runs `vitrine verify-audit`.
///
/// # Errors
/// [`Failure::Tampered`] where anything does not fit; otherwise as every command.
pub fn run(api: &Api, args: &VerifyAuditArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let mut found = Findings { out, number: 0 };
    let (mut hours, mut rows) = (0_u64, 0_u64);
    let mut before: Option<(String, String)> = None;
    let mut cursor: Option<String> = None;
    loop {
        let mut query: Vec<(&str, &str)> = Vec::new();
        query.extend(args.from.as_deref().map(|from| ("from", from)));
        query.extend(args.to.as_deref().map(|to| ("to", to)));
        query.extend(cursor.as_deref().map(|cursor| ("next", cursor)));
        let page: SealPage = api.get("audit/manifests", &query)?;
        for seal in &page.manifest {
            let (digest, sealed) = verify_hour(api, seal, before.as_ref(), args.from.is_none(), &mut found)?;
            before = Some((seal.hour.clone(), digest));
            hours += 1;
            rows += sealed;
        }
        match page.next {
            Some(next) if Some(&next) != cursor.as_ref() => cursor = Some(next),
            _ => break,
        }
    }
    let number = found.number;
    match &before {
        None => note("no hour of the audit trail is sealed yet in this period"),
        Some((hour, digest)) => {
            writeln!(
                out,
                "{} and {} verified, up to {}",
                count(hours, "hour"),
                count(rows, "row"),
                plain(hour)
            )?;
            writeln!(out, "last manifest: sha256 {digest}")?;
            let behind = hours_since_1970(hour).map(|sealed| now_in_hours().saturating_sub(sealed));
            if let Some(behind) = behind.filter(|behind| args.to.is_none() && *behind > LATE_HOURS) {
                note(&format!(
                    "note: the last {behind} hours are not sealed; seal-audit does not run, or seals are gone"
                ));
            }
        }
    }
    if number == 0 { Ok(()) } else { Err(Failure::Tampered(number)) }
}

/// What does not fit, told as it is found.
struct Findings<'a> {
    out: &'a mut dyn Write,
    number: u64,
}

impl Findings<'_> {
    fn add(&mut self, hour: &str, what: &str) -> Result<(), Failure> {
        self.number += 1;
        Ok(writeln!(self.out, "{}: {}", plain(hour), plain(what))?)
    }
}

/// Verifies one hour, and returns the digest of its manifest and how many rows it has.
fn verify_hour(
    api: &Api,
    seal: &Seal,
    before: Option<&(String, String)>,
    from_the_first: bool,
    found: &mut Findings<'_>,
) -> Result<(String, u64), Failure> {
    let hour = &seal.hour;
    if let Some((last, _)) = before
        && following(last).as_ref() != Some(hour)
    {
        found.add(hour, &format!("manifests are missing between this hour and {last}"))?;
    }
    let Some(bytes) = fetch(api, &seal.link)? else {
        found.add(hour, "its manifest is not in the bucket")?;
        return Ok((seal.sha256.clone(), 0));
    };
    let digest = hex(&Sha256::digest(&bytes));
    if digest != seal.sha256 {
        found.add(hour, "the table repeats another manifest than the bucket holds")?;
    }
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else {
        found.add(hour, "its manifest can not be read")?;
        return Ok((digest, 0));
    };
    if manifest.hour != *hour {
        found.add(hour, &format!("its manifest is of the hour {}", manifest.hour))?;
    }
    match before {
        Some((_, before)) if manifest.previous != *before => {
            found.add(hour, "its manifest does not go on from the one before")?;
        }
        None if from_the_first && manifest.previous != NOTHING_BEFORE => {
            found.add(hour, "the manifests before it are missing")?;
        }
        _ => {}
    }
    let sealed = sealed_rows(api, seal, &manifest, found)?;
    compare(hour, sealed, rows_now(api, hour)?, found)?;
    Ok((digest, manifest.rows))
}

/// The rows that were sealed, each with its leaf, after their lists gave the root.
fn sealed_rows(
    api: &Api,
    seal: &Seal,
    manifest: &Manifest,
    found: &mut Findings<'_>,
) -> Result<BTreeMap<Place, String>, Failure> {
    let mut leaves = Vec::new();
    let mut rows = BTreeMap::new();
    for list in &manifest.lists {
        let link = seal.list.iter().find(|it| it.shard == list.shard);
        let bytes = match link {
            Some(link) => fetch(api, &link.link)?,
            None => None,
        };
        let Some(bytes) = bytes else {
            found.add(&seal.hour, &format!("list {:02} of its rows is not in the bucket", list.shard))?;
            continue;
        };
        let before = leaves.len();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok((key, subject, leaf)) = serde_json::from_slice::<(String, String, String)>(line) else {
                found.add(&seal.hour, &format!("a line of list {:02} can not be read", list.shard))?;
                continue;
            };
            leaves.push(unhex(&leaf).unwrap_or_default());
            rows.insert((key, subject), leaf);
        }
        if (leaves.len() - before) as u64 != list.rows {
            found
                .add(&seal.hour, &format!("list {:02} has not the {} rows it had", list.shard, list.rows))?;
        }
    }
    if hex(&root(&leaves)) != manifest.root || leaves.len() as u64 != manifest.rows {
        found.add(&seal.hour, "its lists do not give the root of its manifest")?;
    }
    Ok(rows)
}

/// The rows that the table has now, each with its leaf and what it says.
fn rows_now(api: &Api, hour: &str) -> Result<BTreeMap<Place, (String, String)>, Failure> {
    let mut rows = BTreeMap::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("hour", hour)];
        query.extend(cursor.as_deref().map(|cursor| ("next", cursor)));
        let page: RowPage = api.get("audit/rows", &query)?;
        for row in page.row {
            let leaf = hex(&leaf(&row.record));
            rows.insert((row.key, row.subject), (leaf, row.record));
        }
        match page.next {
            Some(next) if Some(&next) != cursor.as_ref() => cursor = Some(next),
            _ => return Ok(rows),
        }
    }
}

fn compare(
    hour: &str,
    sealed: BTreeMap<Place, String>,
    mut now: BTreeMap<Place, (String, String)>,
    found: &mut Findings<'_>,
) -> Result<(), Failure> {
    for ((key, subject), leaf) in sealed {
        let place = (key, subject);
        match now.remove(&place) {
            None => found.add(hour, &format!("row {} of {} was removed", place.0, place.1))?,
            Some((now, record)) if now != leaf => {
                let what =
                    format!("row {} of {} was edited; it says now: {}", place.0, place.1, told(&record));
                found.add(hour, &what)?;
            }
            Some(_) => {}
        }
    }
    for ((key, subject), (_, record)) in now {
        found.add(hour, &format!("row {key} of {subject} was inserted; it says: {}", told(&record)))?;
    }
    Ok(())
}

/// What a row says of who did what.
fn told(record: &str) -> String {
    let row: Value = serde_json::from_str(record).unwrap_or_default();
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    format!("{} by {} at {}", text("action"), text("actor"), text("at"))
}

/// The bytes behind a link; `None` where there are none.
fn fetch(api: &Api, link: &str) -> Result<Option<Vec<u8>>, Failure> {
    let reader = match api.fetch(link) {
        Ok(reader) => reader,
        Err(Failure::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    let read = reader.take(MAX_BYTES).read_to_end(&mut bytes);
    read.map_err(|_| Failure::Unavailable("a seal broke off; run the command again".to_owned()))?;
    Ok(Some(bytes))
}

/// The leaf of a record: SHA-256 of a zero byte and the record.
fn leaf(record: &str) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// The root over leaves as RFC 9162 defines it.
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            Sha256::new()
                .chain_update([1])
                .chain_update(root(left))
                .chain_update(root(right))
                .finalize()
                .into()
        }
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    (text.len() == 64).then_some(bytes)
}

/// The hour after one: `2026-12-31T23` is followed by `2027-01-01T00`.
fn following(hour: &str) -> Option<String> {
    let (date, of_day) = hour.split_once('T')?;
    let of_day: u32 = of_day.parse().ok()?;
    if of_day < 23 {
        return Some(format!("{date}T{:02}", of_day + 1));
    }
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let (year, month, day) = match (month, day) {
        (12, 31) => (year + 1, 1, 1),
        (_, day) if day >= days => (year, month + 1, 1),
        _ => (year, month, day + 1),
    };
    Some(format!("{year:04}-{month:02}-{day:02}T00"))
}

fn now_in_hours() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() / 3600)
}

/// Hours from the beginning of 1970 to an hour, by the days of the Gregorian calendar.
fn hours_since_1970(hour: &str) -> Option<u64> {
    let (date, of_day) = hour.split_once('T')?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // Years begin in March, so that the day that some lack is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day.checked_sub(1)?;
    Some(days.checked_sub(719_468)? * 24 + of_day.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_follow_each_other_over_the_ends_of_days_months_and_years() {
        for (hour, next) in [
            ("2026-11-24T15", "2026-11-24T16"),
            ("2026-11-30T23", "2026-12-01T00"),
            ("2026-12-31T23", "2027-01-01T00"),
            ("2028-02-28T23", "2028-02-29T00"),
            ("2027-02-28T23", "2027-03-01T00"),
            ("2100-02-28T23", "2100-03-01T00"),
        ] {
            assert_eq!(following(hour).as_deref(), Some(next));
        }
        assert_eq!(following("yesterday"), None);
        for (hour, hours) in
            [("1970-01-01T00", 0), ("2000-03-01T05", 11_017 * 24 + 5), ("2026-11-24T15", 20_781 * 24 + 15)]
        {
            assert_eq!(hours_since_1970(hour), Some(hours), "{hour}");
        }
    }

    #[test]
    fn the_root_is_that_of_known_leaves() {
        // From the RFC's own test vectors, of no leaf and of one empty leaf.
        assert_eq!(hex(&root(&[])), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(&leaf("")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        let both = root(&[leaf(""), leaf("\0")]);
        assert_eq!(hex(&both), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    }
}
