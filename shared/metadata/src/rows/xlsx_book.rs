//! What the rows of a workbook's first sheet lean on: where it is, the texts that cells share, and which numbers are
//! dates.

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use quick_xml::events::Event;

use super::error::FileError;
use super::xlsx_part::{Container, WorkbookLimits, attribute, broken, resolve, text};

const GO_ON: Result<ControlFlow<()>, FileError> = Ok(ControlFlow::Continue(()));

/// A workbook that is open.
pub(super) struct Book<R> {
    pub(super) container: Container<R>,
    /// The part of the first sheet that is not hidden.
    pub(super) sheet: String,
    pub(super) shared: Texts,
    /// For each cell style, whether it shows numbers as dates.
    pub(super) dates: Vec<bool>,
    /// Whether days are counted from 1904.
    pub(super) from_1904: bool,
}

/// Texts in one piece of memory.
#[derive(Default)]
pub(super) struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.all.get(start..*self.ends.get(index)?)
    }
}

impl<R: Read + Seek> Book<R> {
    pub(super) fn open(reader: R, limits: &WorkbookLimits) -> Result<Self, FileError> {
        let mut container = Container::open(reader, limits)?;
        let roots = relations(&mut container, "")?;
        let workbook = of_kind(&roots, "/officeDocument").unwrap_or("xl/workbook.xml").to_owned();
        let parts = relations(&mut container, &workbook)?;
        let (sheet, from_1904) = first_sheet(&mut container, &workbook)?;
        let sheet = parts.iter().find(|r| r.id == sheet).map(|r| r.target.clone());
        let Some(sheet) = sheet else { return Err(broken("the workbook's first sheet is missing")) };
        let shared = match of_kind(&parts, "/sharedStrings") {
            Some(part) => shared_texts(&mut container, part, limits.shared_text_bytes)?,
            None => Texts::default(),
        };
        let dates = match of_kind(&parts, "/styles") {
            Some(part) => date_styles(&mut container, part)?,
            None => Vec::new(),
        };
        Ok(Self { container, sheet, shared, dates, from_1904 })
    }
}

struct Relation {
    id: String,
    kind: String,
    target: String,
}

fn of_kind<'r>(relations: &'r [Relation], kind: &str) -> Option<&'r str> {
    relations.iter().find(|r| r.kind.ends_with(kind)).map(|r| r.target.as_str())
}

/// Returns what a part points to; for an empty name, what the whole container does.
fn relations<R: Read + Seek>(container: &mut Container<R>, part: &str) -> Result<Vec<Relation>, FileError> {
    const MAX: usize = 10_000;
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let path = resolve("", &format!("{folder}/_rels/{name}.rels"));
    let mut found = Vec::new();
    container.read(&path, |event| {
        if let Event::Start(start) = &event
            && start.local_name().as_ref() == "Relationship"
            && let (Some(id), Some(kind), Some(target)) =
                (attribute(start, "Id"), attribute(start, "Type"), attribute(start, "Target"))
        {
            if found.len() >= MAX {
                return Err(broken("the workbook has too many relations"));
            }
            found.push(Relation { id, kind, target: resolve(part, &target) });
        }
        GO_ON
    })?;
    Ok(found)
}

/// Returns the relation of the first sheet that is not hidden, and whether days are counted from 1904.
fn first_sheet<R: Read + Seek>(
    container: &mut Container<R>,
    part: &str,
) -> Result<(String, bool), FileError> {
    let (mut sheet, mut from_1904) = (None, false);
    let there = container.read(part, |event| {
        if let Event::Start(start) = &event {
            match start.local_name().as_ref() {
                "workbookPr" => {
                    from_1904 = matches!(attribute(start, "date1904").as_deref(), Some("1" | "true"));
                }
                "sheet" if sheet.is_none() => {
                    let hidden =
                        matches!(attribute(start, "state").as_deref(), Some("hidden" | "veryHidden"));
                    sheet = attribute(start, "id").filter(|_| !hidden);
                }
                _ => {}
            }
        }
        GO_ON
    })?;
    match sheet {
        Some(sheet) if there => Ok((sheet, from_1904)),
        _ => Err(broken("the file is no Excel workbook, or has no sheet that is not hidden")),
    }
}

fn shared_texts<R: Read + Seek>(
    container: &mut Container<R>,
    part: &str,
    max: usize,
) -> Result<Texts, FileError> {
    let mut texts = Texts::default();
    let mut reading = Rich::default();
    container.read(part, |event| {
        if let Some(piece) = reading.piece(&event) {
            texts.all.push_str(&piece);
        }
        if let Event::End(end) = &event
            && end.local_name().as_ref() == "si"
        {
            let start = texts.ends.last().copied().unwrap_or_default();
            if let Some(plain) = unescape(texts.all.get(start..).unwrap_or_default()) {
                texts.all.truncate(start);
                texts.all.push_str(&plain);
            }
            texts.ends.push(texts.all.len());
        }
        if texts.all.len() + texts.ends.len() * size_of::<usize>() > max {
            return Err(broken(format!("the workbook's texts are more than {max} bytes")));
        }
        GO_ON
    })?;
    Ok(texts)
}

/// Where in a text of runs a reader is: only `t` outside of phonetic hints counts.
#[derive(Default)]
pub(super) struct Rich {
    in_text: bool,
    in_hint: bool,
}

impl Rich {
    /// Follows an event; returns the piece of text that it brings.
    pub(super) fn piece(&mut self, event: &Event<'_>) -> Option<String> {
        match event {
            Event::Start(start) => match start.local_name().as_ref() {
                "t" => self.in_text = true,
                "rPh" => self.in_hint = true,
                _ => {}
            },
            Event::End(end) => match end.local_name().as_ref() {
                "t" => self.in_text = false,
                "rPh" => self.in_hint = false,
                _ => {}
            },
            event if self.in_text && !self.in_hint => return text(event),
            _ => {}
        }
        None
    }
}

/// Resolves `_x000D_`, as Excel writes characters that XML cannot hold or would change. `None` where there are none.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut rest = text;
    let mut plain = String::new();
    while let Some(at) = rest.find("_x") {
        let (before, escape) = rest.split_at(at);
        let code = escape.get(2..6).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = code.filter(|_| escape.as_bytes().get(6) == Some(&b'_'));
        let c = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        plain.push_str(before);
        match c {
            Some(c) => {
                plain.push(c);
                rest = escape.get(7..).unwrap_or_default();
            }
            None => {
                plain.push_str("_x");
                rest = escape.get(2..).unwrap_or_default();
            }
        }
    }
    if plain.is_empty() {
        return None;
    }
    plain.push_str(rest);
    Some(plain)
}

fn date_styles<R: Read + Seek>(container: &mut Container<R>, part: &str) -> Result<Vec<bool>, FileError> {
    const MAX: usize = 100_000;
    let mut formats: Vec<u32> = Vec::new();
    let mut styles: Vec<bool> = Vec::new();
    let mut in_cells = false;
    container.read(part, |event| {
        match &event {
            Event::Start(start) => match start.local_name().as_ref() {
                "numFmt" => {
                    let id = attribute(start, "numFmtId").and_then(|id| id.parse::<u32>().ok());
                    let code = attribute(start, "formatCode").unwrap_or_default();
                    formats.extend(id.filter(|_| is_date_format(&code)));
                }
                "cellXfs" => in_cells = true,
                "xf" if in_cells => {
                    let id = attribute(start, "numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0_u32);
                    styles.push(matches!(id, 14..=22 | 27..=36 | 45..=47 | 50..=58) || formats.contains(&id));
                }
                _ => {}
            },
            Event::End(end) if end.local_name().as_ref() == "cellXfs" => in_cells = false,
            _ => {}
        }
        if formats.len() > 1000 || styles.len() > MAX {
            return Err(broken("the workbook has too many styles"));
        }
        GO_ON
    })?;
    Ok(styles)
}

/// Whether a number format shows days or times: one of their letters outside of quotes, brackets and escapes.
fn is_date_format(code: &str) -> bool {
    let (mut quoted, mut bracket, mut escaped) = (false, false, false);
    for c in code.chars() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '"' => quoted = !quoted,
            '\\' | '_' | '*' if !quoted => escaped = true,
            '[' if !quoted => bracket = true,
            ']' if !quoted => bracket = false,
            'd' | 'm' | 'y' | 'h' | 's' | 'D' | 'M' | 'Y' | 'H' | 'S' if !quoted && !bracket => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_formats_of_dates_from_others() {
        for date in ["yyyy-mm-dd", "d/m/yy h:mm", "[$-409]mmmm d", "hh:mm:ss", "\"on \"dd"] {
            assert!(is_date_format(date), "{date}");
        }
        for number in ["General", "0.00", "#,##0\" days\"", "[Red]0", "0\\d", "@", "0_d"] {
            assert!(!is_date_format(number), "{number}");
        }
    }

    #[test]
    fn resolves_the_escapes_of_excel() {
        assert_eq!(unescape("a_x000D_b").as_deref(), Some("a\rb"));
        assert_eq!(unescape("_x005F_x000D_ _x").as_deref(), Some("_x000D_ _x"));
        assert_eq!(unescape("plain _ text"), None);
    }
}
