//! `docs/benchmarks.md`: each measurement owns its section and leaves the others as they are.

use anyhow::{Context, Result};
use std::fs;
use vitrine_engine::workspace_root;

const TOP: &str = "# Measured\n\nWritten by `cargo xtask bench` and `cargo xtask scale`, a section each; compare within a row only.\n";

/// Writes a section anew: in its place where it is there, else last.
///
/// # Errors
/// When the page can not be written.
pub fn put(title: &str, body: &str) -> Result<()> {
    let path = workspace_root().join("docs/benchmarks.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, with_section(&before, title, body)).context("cannot write docs/benchmarks.md")
}

fn with_section(page: &str, title: &str, body: &str) -> String {
    let fresh = format!("## {title}\n\n{}\n", body.trim());
    let mut sections: Vec<String> =
        page.split("\n## ").skip(1).map(|section| format!("## {}\n", section.trim_end())).collect();
    match sections.iter_mut().find(|section| section.lines().next() == Some(&format!("## {title}"))) {
        Some(section) => *section = fresh,
        None => sections.push(fresh),
    }
    format!("{TOP}\n{}", sections.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{TOP, with_section};

    #[test]
    fn a_section_is_replaced_in_its_place_and_others_stay() {
        let page = with_section("", "A", "one");
        let page = with_section(&page, "B", "two\n\n| x |\n");
        assert_eq!(page, format!("{TOP}\n## A\n\none\n\n## B\n\ntwo\n\n| x |\n"));
        assert_eq!(with_section(&page, "A", "new"), page.replace("one", "new"));
    }
}
