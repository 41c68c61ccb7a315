//! A table with one line a file; a representation without files, and a title without representations, have one too.

use vitrine_domain::coded::Coded;
use vitrine_domain::file::DigitalFile;
use vitrine_domain::representation::Representation;

use super::ExportedTitle;
use crate::spreadsheet::csv_field;

pub(super) const HEAD: &str = "mms_id,title,author,record_format,suppress_from_publishing,collection_pids,\
    collection_names,representation_id,library,usage_type,label,public_note,notes,active,entity_type,part,\
    access_rights_policy_id,representation_order,file_pid,file_label,file_name,file_order,file_status,path,storage,\
    version_id,size,mime_type,sha256,crc64nvme,payload\r\n";

pub(super) fn title(it: &ExportedTitle<'_>) -> String {
    let bib = it.bib;
    let ids: Vec<&str> = it.collections.iter().map(|found| found.id.as_str()).collect();
    let names: Vec<&str> = it.collections.iter().map(|found| found.name.as_str()).collect();
    let start = [
        bib.mms_id.to_string(),
        bib.brief.title.clone(),
        bib.brief.author.clone().unwrap_or_default(),
        bib.format.code().to_owned(),
        bib.suppressed.to_string(),
        ids.join(" "),
        names.join("; "),
    ];
    let mut out = String::new();
    if it.representations.is_empty() {
        line(&mut out, &[&start, &representation(None), &file(it, None)]);
    }
    for (found, files) in it.representations {
        let middle = representation(Some(found));
        if files.is_empty() {
            line(&mut out, &[&start, &middle, &file(it, None)]);
        }
        for found in files {
            line(&mut out, &[&start, &middle, &file(it, Some(found))]);
        }
    }
    out
}

fn line(out: &mut String, groups: &[&[String]]) {
    let cells: Vec<String> =
        groups.iter().flat_map(|group| group.iter()).map(|text| csv_field(text)).collect();
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}

fn number(value: Option<u32>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn representation(found: Option<&Representation>) -> [String; 11] {
    let Some(found) = found else { return Default::default() };
    let fields = &found.fields;
    let part: Vec<String> = fields
        .part
        .entries()
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
        .collect();
    [
        found.id.to_string(),
        fields.library.to_string(),
        fields.usage_type.code().to_owned(),
        fields.label.clone().unwrap_or_default(),
        fields.public_note.clone().unwrap_or_default(),
        fields.notes.join("; "),
        fields.active.to_string(),
        fields.entity_type.map(Coded::code).unwrap_or_default().to_owned(),
        part.join("; "),
        fields.access_rights_policy_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        number(fields.order),
    ]
}

fn file(it: &ExportedTitle<'_>, found: Option<&DigitalFile>) -> [String; 13] {
    let Some(found) = found else { return Default::default() };
    let content = found.content.as_ref();
    let text = |take: fn(&vitrine_domain::file::Content) -> String| content.map(take).unwrap_or_default();
    [
        found.id.to_string(),
        found.label.clone(),
        found.file_name.clone(),
        number(found.order),
        found.status.code().to_owned(),
        text(|content| content.key.clone()),
        it.storage(found).unwrap_or_default(),
        text(|content| content.version_id.clone().unwrap_or_default()),
        text(|content| content.size_bytes.to_string()),
        text(|content| content.mime.clone()),
        text(|content| content.sha256.clone()),
        text(|content| content.crc64nvme.clone()),
        it.payload(found).unwrap_or_default(),
    ]
}
