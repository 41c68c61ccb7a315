//! Jobs and their rows as text.

use std::io::Write;

use crate::api::Api;
use crate::failure::Failure;
use crate::jobs::for_each_row;
use crate::terminal::plain;
use crate::wire::{Coded, Difference, Job, Row};

/// The counters whose sum is the number of rows, in the order in which they are shown.
const OUTCOMES: &[&str] = &[
    "created",
    "updated",
    "unchanged",
    "skipped",
    "failed",
    "missing_files",
    "waiting",
    "discarded",
    "undone",
    "left",
];
/// The outcomes whose rows are shown with the report.
const TROUBLE: &[&str] = &["FAILED", "MISSING_FILES", "WAITING", "LEFT"];
/// How many rows of an outcome a report shows.
const SHOWN_ROWS: usize = 20;
/// How many values of a field a difference shows.
const SHOWN_VALUES: usize = 5;

/// Prints a job: what it was, its counters, and the first rows of each kind that needs a person.
///
/// # Errors
/// An API that does not answer; an output that is closed.
pub fn print(api: &Api, job: &Job, out: &mut dyn Write) -> Result<(), Failure> {
    print_head(job, out)?;
    print_counters(job, out)?;
    for outcome in TROUBLE {
        let total = job.counter(outcome).unwrap_or_default();
        if total == 0 {
            continue;
        }
        let mut shown = 0;
        writeln!(out, "\n{} ({total}):", title(outcome))?;
        for_each_row(api, &job.id, Some(outcome), &mut |row| {
            write!(out, "  ")?;
            print_row(row, out)?;
            shown += 1;
            Ok(shown < SHOWN_ROWS)
        })?;
        if total > shown as u64 {
            writeln!(
                out,
                "  and {} more: vitrine job {} --rows {outcome}",
                total - shown as u64,
                plain(&job.id)
            )?;
        }
    }
    let files =
        ["files_unnamed", "files_refused"].iter().any(|name| job.counter(name).unwrap_or_default() > 0);
    if job.is_final() && (files || TROUBLE.iter().any(|name| job.counter(name).unwrap_or_default() > 0)) {
        writeln!(out, "\nevery row and file: vitrine job {} --report csv -o report.csv", plain(&job.id))?;
    }
    out.flush()?;
    Ok(())
}

fn print_head(job: &Job, out: &mut dyn Write) -> Result<(), Failure> {
    let name = if job.name.is_empty() { String::new() } else { format!(" {}", plain(&job.name)) };
    let dry = if job.dry_run { " (dry run: nothing was written)" } else { "" };
    writeln!(out, "job {}{name}: {}{dry}", plain(&job.id), plain(job.status.text()))?;
    if !job.is_final() {
        writeln!(out, "  {:<20} {}%", "progress", job.progress)?;
    }
    let facts = [
        ("profile", &job.profile_id),
        ("ingest", &job.ingest_id),
        ("reason", &job.reason),
        ("takes back job", &job.undoes),
        ("submitted", &job.submit_time),
        ("started", &job.start_time),
        ("ended", &job.end_time),
        ("likely until", if job.is_final() { &None } else { &job.estimated_end_time }),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            writeln!(out, "  {name:<20} {}", plain(value))?;
        }
    }
    Ok(())
}

fn print_counters(job: &Job, out: &mut dyn Write) -> Result<(), Failure> {
    let outcomes: Vec<(&str, u64)> =
        OUTCOMES.iter().filter_map(|name| Some((*name, job.counter(name)?))).collect();
    if let Some(rows) = job.counter("rows") {
        writeln!(out, "  {:<20} {rows}", "rows")?;
        // An import has no undone rows, an undo no created ones.
        for (name, value) in outcomes.iter().filter(|(_, value)| *value > 0) {
            writeln!(out, "    {:<18} {value}", title(name))?;
        }
        let sum: u64 = outcomes.iter().map(|(_, value)| value).sum();
        if !outcomes.is_empty() && job.is_final() && sum != rows {
            writeln!(out, "  {} of {rows} rows have no outcome", rows.abs_diff(sum))?;
        }
    }
    for counter in &job.counter {
        let name = &counter.kind.value;
        let told = name.eq_ignore_ascii_case("rows")
            || OUTCOMES.iter().any(|known| known.eq_ignore_ascii_case(name));
        if !told {
            writeln!(out, "  {:<20} {}", plain(&words(&counter.kind)), counter.value)?;
        }
    }
    Ok(())
}

fn words(kind: &Coded) -> String {
    kind.value.to_lowercase().replace('_', " ")
}

fn title(name: &str) -> String {
    name.to_lowercase().replace('_', " ")
}

/// Prints a row in one line, and what it changes below.
///
/// # Errors
/// An output that is closed.
pub fn print_row(row: &Row, out: &mut dyn Write) -> Result<(), Failure> {
    write!(out, "row {} {}", row.number, plain(&row.outcome.value.to_lowercase().replace('_', " ")))?;
    if let Some(title) = &row.mms_id {
        write!(out, " title {}", plain(title))?;
    }
    for (at, representation) in row.representation_id.iter().enumerate() {
        let word = if at == 0 { " representation " } else { ", " };
        write!(out, "{word}{}", plain(representation))?;
    }
    match (&row.code, &row.message) {
        (Some(code), Some(message)) => write!(out, ": {} ({})", plain(message), plain(code))?,
        (None, Some(text)) | (Some(text), None) => write!(out, ": {}", plain(text))?,
        (None, None) => {}
    }
    writeln!(out)?;
    for warning in &row.warning {
        writeln!(out, "    warning: {}", plain(warning))?;
    }
    for Difference { field, before, after } in &row.difference {
        for (sign, values) in [('-', before), ('+', after)] {
            for value in values.iter().take(SHOWN_VALUES) {
                writeln!(out, "    {sign} {}: {}", plain(field), plain(value))?;
            }
            if values.len() > SHOWN_VALUES {
                writeln!(out, "    {sign} {}: and {} more", plain(field), values.len() - SHOWN_VALUES)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_do_not_add_up_are_told() {
        let check = |failed: u64| {
            let job: Job = serde_json::from_value(serde_json::json!({
                "id": "5", "status": {"value": "COMPLETED_WITH_ERRORS"},
                "counter": [{"type": {"value": "ROWS"}, "value": 3}, {"type": {"value": "created"}, "value": 2},
                            {"type": {"value": "failed"}, "value": failed}, {"type": {"value": "files_unnamed"}, "value": 1}]
            }))
            .unwrap();
            let mut out = Vec::new();
            print_counters(&job, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(!check(1).contains("no outcome"), "{}", check(1));
        assert!(check(0).contains("1 of 3 rows have no outcome"), "{}", check(0));
        assert!(check(1).contains("files unnamed        1"), "{}", check(1));
    }

    #[test]
    fn a_row_shows_what_it_changes() {
        let row: Row = serde_json::from_value(serde_json::json!({
            "number": 4, "outcome": {"value": "UPDATED"}, "mms_id": "99",
            "difference": [{"field": "dc:title", "before": ["a"], "after": ["b\u{1b}"]}]
        }))
        .unwrap();
        let mut out = Vec::new();
        print_row(&row, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "row 4 updated title 99\n    - dc:title: a\n    + dc:title: b \n");
    }
}
