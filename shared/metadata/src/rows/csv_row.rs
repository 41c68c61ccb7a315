//! From the cells of one row to what the row says.

use std::borrow::Cow;

use crate::record::parse_record;
use crate::xml_text::{first_illegal, push_escaped};

use super::columns::Column;
use super::csv_header::Layout;
use super::error::{RowError, RowErrorCode, of_record};
use super::file_name::check_file_reference;
use super::row::{CollectionName, RowFile, RowRepresentation, SourceRow};

/// Where a row stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) line: u64,
}

/// What the rows before say about a row's group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Family {
    /// The group of the row before.
    pub(super) group: Option<String>,
    /// Whether a row of it had metadata.
    pub(super) described: bool,
}

/// Reads one row. `cells` are the values in the columns' order; cells that are missing at the end are empty. Without
/// `check` the record is not parsed: for rows of which only the place in their group matters.
pub(super) fn read(
    layout: &Layout,
    cells: &[Cow<'_, str>],
    place: Place,
    family: &mut Family,
    check: bool,
) -> Result<SourceRow, RowError> {
    let mut reader = Reader::new(layout, place);
    for (index, (column, value)) in layout.columns.iter().zip(cells).enumerate() {
        if !value.trim().is_empty() {
            reader.cell(index, column, value);
        }
    }
    reader.files(cells);
    let group = reader.row.group.clone();
    let continues = group.is_some() && family.group == group;
    let described = reader.has_metadata;
    let result = reader.finish(continues && family.described, check);
    *family = Family { described: described || (continues && family.described), group };
    result
}

struct Reader<'l> {
    layout: &'l Layout,
    row: SourceRow,
    record: String,
    has_metadata: bool,
    error: Option<RowError>,
}

impl<'l> Reader<'l> {
    fn new(layout: &'l Layout, place: Place) -> Self {
        let row = SourceRow {
            number: place.number,
            line: place.line,
            group: None,
            mms_id: None,
            originating_system_id: None,
            collections: Vec::new(),
            format: layout.format,
            record: None,
            representation: RowRepresentation::default(),
            files: Vec::new(),
        };
        Self { layout, row, record: String::new(), has_metadata: false, error: None }
    }

    fn name(&self, index: usize) -> &'l str {
        self.layout.names.get(index).map_or("", |name| name.trim())
    }

    /// Keeps the first thing that is wrong, and tells of the others in its message.
    fn wrong(&mut self, code: RowErrorCode, index: usize, message: &str) {
        let name = self.name(index);
        let message = format!("column `{name}`: {message}");
        match &mut self.error {
            Some(error) if error.message.len() < 2000 => error.message.push_str(&format!("; {message}")),
            Some(_) => {}
            None => {
                self.error = Some(RowError {
                    number: self.row.number,
                    group: None,
                    code,
                    line: self.row.line,
                    column: Some(name.to_owned()),
                    message,
                });
            }
        }
    }

    fn cell(&mut self, index: usize, column: &'l Column, value: &str) {
        if let Some((_, message)) = first_illegal(value) {
            return self.wrong(RowErrorCode::IllegalCharacter, index, &message);
        }
        let trimmed = value.trim();
        if matches!(column, Column::MmsId | Column::CollectionId) && is_shortened(trimmed) {
            let message =
                format!("`{trimmed}` is an id that a spreadsheet has shortened: format the column as text");
            return self.wrong(RowErrorCode::CellError, index, &message);
        }
        let representation = &mut self.row.representation;
        let single = match column {
            Column::Metadata(element) => {
                if self.record.is_empty() {
                    self.record.push_str(&self.layout.record_start);
                }
                self.has_metadata = true;
                self.record.push_str(&element.open);
                push_escaped(&mut self.record, value);
                return self.record.push_str(&element.close);
            }
            Column::CollectionId => {
                return self.row.collections.push(CollectionName::Id(trimmed.to_owned()));
            }
            Column::CollectionName => {
                return self.row.collections.push(CollectionName::Name(trimmed.to_owned()));
            }
            Column::Note => return representation.notes.push(value.to_owned()),
            Column::Custom(name) => return representation.custom.push((name.clone(), value.to_owned())),
            Column::FileName(_) | Column::FileLabel(_) => return,
            Column::Group => (&mut self.row.group, trimmed),
            Column::MmsId => (&mut self.row.mms_id, trimmed),
            Column::OriginatingSystemId => (&mut self.row.originating_system_id, trimmed),
            Column::Label => (&mut representation.label, value),
            Column::PublicNote => (&mut representation.public_note, value),
            Column::AccessRights => (&mut representation.access_rights, trimmed),
            Column::UsageType => (&mut representation.usage_type, trimmed),
            Column::Library => (&mut representation.library, trimmed),
        };
        let (field, value) = single;
        if field.is_some() {
            return self.wrong(RowErrorCode::SeveralValues, index, "a second value where one belongs");
        }
        *field = Some(value.to_owned());
    }

    fn files(&mut self, cells: &[Cow<'_, str>]) {
        let value = |index: &Option<usize>| {
            index.and_then(|i| cells.get(i)).map(|v| v.as_ref()).filter(|v| !v.trim().is_empty())
        };
        let layout = self.layout;
        for (name_at, label_at) in &layout.files {
            let label = value(label_at);
            match value(name_at).map(str::trim) {
                Some(name) => {
                    if let Err(message) = check_file_reference(name) {
                        let index = name_at.unwrap_or_default();
                        self.wrong(RowErrorCode::UnsafeFileName, index, &format!("a file name {message}"));
                        continue;
                    }
                    self.row.files.push(RowFile { name: name.to_owned(), label: label.map(str::to_owned) });
                }
                None if label.is_some() => {
                    let index = label_at.unwrap_or_default();
                    self.wrong(RowErrorCode::LabelWithoutFile, index, "a label without a file name");
                }
                None => {}
            }
        }
    }

    fn finish(mut self, described_before: bool, check: bool) -> Result<SourceRow, RowError> {
        if let Some(mut error) = self.error {
            error.group = self.row.group;
            return Err(error);
        }
        if self.has_metadata && !described_before {
            self.record.push_str("</record>");
            if check && let Err(errors) = parse_record(self.layout.format, &self.record) {
                let SourceRow { number, group, line, .. } = self.row;
                return Err(of_record(number, group, line, &errors, false));
            }
            self.row.record = Some(self.record);
        }
        Ok(self.row)
    }
}

/// Whether a number is written as `9.91012E+17`: its last digits are lost, and what is left names nothing, or worse,
/// something else.
fn is_shortened(id: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    id.split_once(['E', 'e']).is_some_and(|(digits, power)| {
        let (whole, rest) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
        is_number(whole) && is_number(rest) && power.strip_prefix('+').is_some_and(is_number)
    })
}

/// Returns the group that a row names.
pub(super) fn group(layout: &Layout, values: &[Cow<'_, str>]) -> Option<String> {
    let at = layout.columns.iter().position(|c| *c == Column::Group)?;
    let group = values.get(at)?.trim();
    (!group.is_empty() && group.len() <= 1024).then(|| group.to_owned())
}
