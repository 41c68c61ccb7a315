//! A first look at the folder: how much there is, what is left out, and what would fail later.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::terminal::{note, plain};
use crate::walk::{Found, Walk};

/// How many names a sentence shows.
const SHOWN: usize = 3;
/// How many problems are told at once.
const MAX_PROBLEMS: usize = 20;

/// What there is to send.
#[derive(Debug)]
pub struct Scan {
    /// The folder, links resolved.
    pub root: PathBuf,
    pub files: u64,
    pub bytes: u64,
}

/// Counts a folder's files and says what is left out.
///
/// # Errors
/// No such folder; nothing in it; names that can not be sent, all of them at once.
pub fn scan(folder: &Path) -> Result<Scan, Failure> {
    let walk = Walk::new(folder).map_err(|error| Failure::local(folder, "read", &error))?;
    let mut scan = Scan { root: walk.root().to_owned(), files: 0, bytes: 0 };
    let mut skipped: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut more_problems = 0;
    for found in walk {
        match found {
            Found::File(local) => {
                scan.files += 1;
                scan.bytes += local.size;
            }
            Found::Skipped(name, why) => {
                let (number, names) = skipped.entry(why).or_default();
                *number += 1;
                if names.len() < SHOWN {
                    names.push(plain(&name));
                }
            }
            Found::Problem(problem) if problems.len() < MAX_PROBLEMS => problems.push(plain(&problem)),
            Found::Problem(_) => more_problems += 1,
        }
    }
    for (why, (number, names)) in &skipped {
        let more = if *number > names.len() as u64 { ", ..." } else { "" };
        note(&format!(
            "left out {} ({why}): {}{more}",
            if *number == 1 { "1 entry".to_owned() } else { format!("{number} entries") },
            names.join(", ")
        ));
    }
    if !problems.is_empty() {
        let more = if more_problems > 0 { format!("\n  and {more_problems} more") } else { String::new() };
        return Err(Failure::Invalid(format!(
            "nothing was sent, because:\n  {}{more}",
            problems.join("\n  ")
        )));
    }
    if scan.files == 0 {
        return Err(Failure::Invalid(format!("there are no files in `{}`", folder.display())));
    }
    Ok(scan)
}
