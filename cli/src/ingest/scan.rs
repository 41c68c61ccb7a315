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

/// Counts a folder's files and says what is left out. `metadata_file` is the name or pattern that the profile wants at
/// the folder's top: better to miss it now than after hours of sending.
///
/// # Errors
/// No such folder; nothing in it; no metadata file; names that can not be sent, all of them at once.
pub fn scan(folder: &Path, metadata_file: Option<&str>) -> Result<Scan, Failure> {
    let walk = Walk::new(folder).map_err(|error| Failure::local(folder, "read", &error))?;
    let mut scan = Scan { root: walk.root().to_owned(), files: 0, bytes: 0 };
    let mut skipped: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut more_problems = 0;
    let mut has_metadata = metadata_file.is_none();
    for found in walk {
        match found {
            Found::File(local) => {
                has_metadata = has_metadata
                    || metadata_file
                        .is_some_and(|wanted| !local.name.contains('/') && matches(wanted, &local.name));
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
    match metadata_file {
        Some(wanted) if !has_metadata => Err(Failure::Invalid(format!(
            "the profile wants a metadata file `{}` at the top of `{}`, and there is none",
            plain(wanted),
            folder.display()
        ))),
        _ => Ok(scan),
    }
}

/// Whether a name matches a pattern: `*` any characters, `?` one. Only the last `*` is ever tried again.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    let mut star = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, seen));
                at += 1;
            }
            Some(letter) if *letter == '?' || name.get(seen) == Some(letter) => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    at = after;
                    seen = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_profiles() {
        let good = [
            ("values.csv", "values.csv"),
            ("*.xml", "a.b.xml"),
            ("m?rc*.x*l", "marc21.xml"),
            ("*", "x"),
            ("a*b*c", "abbcbc"),
        ];
        for (pattern, name) in good {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        let bad = [("values.csv", "Values.csv"), ("*.xml", "a.xml.gz"), ("?", ""), ("a*b", "ac"), ("", "x")];
        for (pattern, name) in bad {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
