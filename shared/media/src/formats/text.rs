//! Plain text: its first lines, set on a page.

use std::io::Read;

use super::svg;
use crate::draw::{Drawn, Result, Source, unsupported};
use crate::request::Facts;

const COLUMNS: usize = 72;
const LINES: usize = 54;

/// Draws the first lines of a text.
pub(crate) fn draw(source: &Source, target: u32) -> Result<Drawn> {
    let mut head = Vec::new();
    source.open()?.take(16 << 10).read_to_end(&mut head)?;
    let text = String::from_utf8_lossy(&head);
    let lines: Vec<String> = text
        .lines()
        .take(LINES)
        .map(|line| line.chars().filter(|c| !c.is_control() || *c == '\t').take(COLUMNS).collect())
        .collect();
    if lines.iter().all(|line: &String| line.trim().is_empty()) {
        return Err(unsupported("the text is empty"));
    }
    let mut page = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 1000\"><rect width=\"720\" height=\"1000\" fill=\"#fff\"/>\
         <g font-family=\"monospace\" font-size=\"14\" fill=\"#222\" xml:space=\"preserve\">",
    );
    for (number, line) in lines.iter().enumerate() {
        let y = 50 + number * 17;
        page.push_str(&format!(
            "<text x=\"50\" y=\"{y}\">{}</text>",
            quick_xml::escape::escape(line.replace('\t', "    "))
        ));
    }
    page.push_str("</g></svg>");
    let drawn = svg::draw_bytes(page.as_bytes(), target)?;
    Ok(Drawn { facts: Facts::default(), ..drawn })
}
