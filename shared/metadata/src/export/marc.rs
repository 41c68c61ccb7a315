//! MARCXML: the record as it is kept, or made of its Dublin Core by the Library of Congress's mapping, with fields of ours
//! behind its last one: `AVT` the title, `AVC` a collection, `AVD` a representation, `AVF` a file.

use vitrine_domain::bib::RecordFormat;
use vitrine_domain::coded::Coded;

use super::ExportedTitle;
use crate::crosswalk::{DublinCore, to_dublin_core};
use crate::edit::{Edits, end_of};
use crate::error::{Problems, RecordErrors};
use crate::marcxml::{MARC_NS, prefix};
use crate::record::record_element;
use crate::xml::Document;
use crate::xml_text::escape_text;

pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <collection xmlns=\"http://www.loc.gov/MARC21/slim\">\n";
pub(super) const FOOT: &str = "</collection>\n";

/// The tags of our own fields: what a record brings along under them is left out.
const OURS: [&str; 4] = ["AVT", "AVC", "AVD", "AVF"];

pub(super) fn title(it: &ExportedTitle<'_>) -> Result<String, RecordErrors> {
    if it.bib.format != RecordFormat::Marc21 {
        let mut made = made_record(it.bib.mms_id.as_str(), &to_dublin_core(&it.record()?));
        for field in our_fields(it, "") {
            made.push_str(&field);
        }
        return Ok(format!("<record xmlns=\"{MARC_NS}\">{made}</record>\n"));
    }
    let document = Document::parse(it.source).map_err(RecordErrors::single)?;
    let mut problems = Problems::new(it.source);
    let root = record_element(it.bib.format, document.root(), &mut problems);
    if let Some(errors) = problems.into_errors() {
        return Err(errors);
    }
    let Some(root) = root else { return Ok(String::new()) };
    let mut edits = Edits::default();
    let ours = root.children().filter(|child| child.attribute("tag").is_some_and(|tag| OURS.contains(&tag)));
    ours.for_each(|child| edits.remove(it.source, child));
    let (at, set_off) = end_of(it.source, root);
    let mut added = String::new();
    for field in our_fields(it, prefix(root)) {
        added.push_str(set_off);
        added.push_str(&field);
    }
    edits.insert(at, added);
    Ok(format!("{}\n", edits.apply(it.source).trim()))
}

/// One data field; subfields without a value are left out.
fn field(p: &str, tag: &str, indicators: [char; 2], subfields: &[(char, Option<String>)]) -> String {
    let [one, two] = indicators;
    let mut out = format!("<{p}datafield tag=\"{tag}\" ind1=\"{one}\" ind2=\"{two}\">");
    for (code, value) in subfields {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            out.push_str(&format!("<{p}subfield code=\"{code}\">{}</{p}subfield>", escape_text(value)));
        }
    }
    out.push_str(&format!("</{p}datafield>"));
    out
}

fn our_fields(it: &ExportedTitle<'_>, p: &str) -> Vec<String> {
    let some = |text: &dyn ToString| Some(text.to_string());
    let institution = some(&it.institution);
    let bib = it.bib;
    let blank = [' ', ' '];
    let mut out = vec![field(
        p,
        "AVT",
        blank,
        &[
            ('a', institution.clone()),
            ('b', some(&bib.mms_id)),
            ('c', some(&bib.suppressed)),
            ('d', some(&bib.created_at)),
            ('e', some(&bib.modified_at)),
        ],
    )];
    for found in it.collections {
        out.push(field(p, "AVC", blank, &[('a', some(&found.id)), ('b', some(&found.name))]));
    }
    for (found, files) in it.representations {
        let fields = &found.fields;
        let mut subfields = vec![
            ('a', institution.clone()),
            ('b', some(&found.id)),
            ('c', Some("REPRESENTATION".to_owned())),
            ('e', fields.label.clone()),
            ('f', fields.public_note.clone()),
            ('g', some(&fields.usage_type.code())),
            ('i', some(&fields.library)),
            ('j', some(&fields.active)),
            ('k', fields.access_rights_policy_id.as_ref().map(ToString::to_string)),
            ('l', fields.order.map(|order| order.to_string())),
            ('m', fields.entity_type.map(|it| it.code().to_owned())),
            ('r', fields.request_id.clone()),
            ('t', fields.thumbnail_file_id.as_ref().map(ToString::to_string)),
        ];
        subfields.extend(fields.notes.iter().map(|note| ('n', Some(note.clone()))));
        let part = fields.part.entries();
        subfields.extend(
            part.iter().filter_map(|(name, value)| Some(('p', Some(format!("{name}={}", (*value)?))))),
        );
        out.push(field(p, "AVD", blank, &subfields));
        for file in files {
            let content = file.content.as_ref();
            out.push(field(
                p,
                "AVF",
                blank,
                &[
                    ('a', some(&found.id)),
                    ('b', some(&file.id)),
                    ('d', some(&file.label)),
                    ('e', some(&file.file_name)),
                    ('f', file.order.map(|order| order.to_string())),
                    ('g', content.map(|content| content.size_bytes.to_string())),
                    ('h', content.map(|content| content.mime.clone())),
                    ('i', content.map(|content| content.sha256.clone())),
                    ('j', content.map(|content| content.crc64nvme.clone())),
                    ('s', some(&file.status.code())),
                    ('u', it.storage(file)),
                    ('v', content.and_then(|content| content.version_id.clone())),
                    ('w', it.payload(file)),
                ],
            ));
        }
    }
    out
}

/// Dublin Core to MARC after the Library of Congress's mapping of unqualified elements.
fn made_record(mms: &str, dublin_core: &DublinCore) -> String {
    let mut out =
        format!("<leader>00000nam a2200000 u 4500</leader><controlfield tag=\"001\">{mms}</controlfield>");
    let mut rows = Vec::new();
    let mut is_first_title = true;
    for statement in &dublin_core.statements {
        let value = Some(statement.value.clone());
        let (tag, indicators, subfields) = match statement.element {
            "title" if std::mem::take(&mut is_first_title) => ("245", ['0', '0'], vec![('a', value)]),
            "title" => ("246", ['3', '3'], vec![('a', value)]),
            "creator" => ("720", [' ', ' '], vec![('a', value), ('e', Some("author".to_owned()))]),
            "contributor" => ("720", [' ', ' '], vec![('a', value), ('e', Some("contributor".to_owned()))]),
            "subject" => ("653", [' ', ' '], vec![('a', value)]),
            "description" => ("520", [' ', ' '], vec![('a', value)]),
            "publisher" => ("260", [' ', ' '], vec![('b', value)]),
            "date" => ("260", [' ', ' '], vec![('c', value)]),
            "type" => ("655", [' ', '7'], vec![('a', value), ('2', Some("local".to_owned()))]),
            "format" => ("856", [' ', ' '], vec![('q', value)]),
            "identifier" => ("024", ['8', ' '], vec![('a', value)]),
            "source" => ("786", ['0', ' '], vec![('n', value)]),
            "language" => ("546", [' ', ' '], vec![('a', value)]),
            "relation" => ("787", ['0', ' '], vec![('n', value)]),
            "rights" => ("540", [' ', ' '], vec![('a', value)]),
            _ => ("500", [' ', ' '], vec![('a', value)]),
        };
        rows.push((tag, field("", tag, indicators, &subfields)));
    }
    rows.sort_by_key(|(tag, _)| *tag);
    out.extend(rows.into_iter().map(|(_, field)| field));
    out
}
