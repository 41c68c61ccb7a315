//! MARCXML to values, with every rule of the MARC21slim schema checked on the way.

use crate::error::{ProblemKind, Problems};
use crate::marc::{
    MarcField, MarcRecord, MarcValue, is_control_tag, is_data_tag, is_indicator, is_subfield_code,
    leader_problem,
};
use crate::xml::{Element, clip};

/// The namespace of MARCXML. The vendor's API leaves it out; both spellings are read.
pub const MARC_NS: &str = "http://www.loc.gov/MARC21/slim";

pub(crate) fn is_collection(element: Element<'_, '_>) -> bool {
    element.local() == "collection" && matches!(element.namespace(), MARC_NS | "")
}

pub(crate) fn is_record(element: Element<'_, '_>) -> bool {
    element.local() == "record" && matches!(element.namespace(), MARC_NS | "")
}

/// Returns the prefix of an element's name with its colon, as others beside it are to be written.
pub(crate) fn prefix<'a>(element: Element<'_, 'a>) -> &'a str {
    let qname = element.qname();
    qname.find(':').and_then(|i| qname.get(..=i)).unwrap_or_default()
}

/// Reads a whole `record` element; problems go to `problems`, and what can be read is read.
pub(crate) fn read(root: Element<'_, '_>, problems: &mut Problems<'_>) -> MarcRecord {
    let record = read_part(root, problems);
    if root.children().all(|c| c.local() != "leader") {
        let message = "the record has no leader".to_owned();
        problems.add(ProblemKind::InvalidField, root.span().start, "leader", message);
    }
    record
}

/// Reads a `record` element that may lack its leader.
pub(crate) fn read_part(root: Element<'_, '_>, problems: &mut Problems<'_>) -> MarcRecord {
    let mut reader = Reader { record: MarcRecord::default(), namespace: root.namespace(), problems };
    reader.no_text(root, "");
    let mut leaders = 0_usize;
    for child in root.children() {
        let at = child.span().start;
        if child.namespace() != reader.namespace {
            let message = format!("`{}` is not in the namespace of its record", clip(child.qname()));
            reader.problems.add(ProblemKind::UnknownNamespace, at, "", message);
            continue;
        }
        match child.local() {
            "leader" => {
                leaders += 1;
                if leaders > 1 || !reader.record.fields.is_empty() {
                    reader.invalid(at, "leader", "one leader comes first".to_owned());
                }
                reader.leader(child);
            }
            "controlfield" => reader.control(child),
            "datafield" => reader.data(child),
            _ => reader.invalid(at, "", format!("`{}` is no part of a MARC record", clip(child.qname()))),
        }
    }
    reader.record
}

struct Reader<'p, 't, 'n> {
    record: MarcRecord,
    namespace: &'n str,
    problems: &'p mut Problems<'t>,
}

impl Reader<'_, '_, '_> {
    fn invalid(&mut self, at: usize, field: &str, message: String) {
        self.problems.add(ProblemKind::InvalidField, at, field, message);
    }

    fn no_text(&mut self, element: Element<'_, '_>, field: &str) {
        if element.has_own_text() {
            self.invalid(
                element.span().start,
                field,
                format!("text directly inside `{}`", clip(element.qname())),
            );
        }
    }

    fn no_children(&mut self, element: Element<'_, '_>, field: &str) {
        if let Some(child) = element.children().next() {
            let message = format!("`{}` inside a value", clip(child.qname()));
            self.invalid(child.span().start, field, message);
        }
    }

    fn leader(&mut self, element: Element<'_, '_>) {
        self.no_children(element, "leader");
        let leader = element.text();
        if let Some(message) = leader_problem(&leader) {
            self.invalid(element.span().start, "leader", message);
        }
        if self.record.leader.is_empty() {
            self.record.leader = leader.into_owned();
        }
    }

    fn control(&mut self, element: Element<'_, '_>) {
        let at = element.span().start;
        let tag = element.attribute("tag").unwrap_or_default().to_owned();
        self.no_children(element, &clip(&tag));
        if !is_control_tag(&tag) {
            return self.invalid(at, &clip(&tag), format!("`{}` is no tag of a control field", clip(&tag)));
        }
        if self.record.fields.last().is_some_and(|f| matches!(f.value, MarcValue::Data { .. })) {
            self.invalid(at, &tag, "a control field behind a data field".to_owned());
        }
        self.record.fields.push(MarcField { tag, value: MarcValue::Control(element.text().into_owned()) });
    }

    fn data(&mut self, element: Element<'_, '_>) {
        let at = element.span().start;
        let tag = element.attribute("tag").unwrap_or_default().to_owned();
        if !is_data_tag(&tag) {
            return self.invalid(at, &clip(&tag), format!("`{}` is no tag of a data field", clip(&tag)));
        }
        self.no_text(element, &tag);
        let indicators = ["ind1", "ind2"].map(|name| {
            let value = element.attribute(name);
            let mut chars = value.unwrap_or_default().chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if is_indicator(c) => c,
                _ => {
                    let message = match value {
                        None => format!("no {name}"),
                        Some(value) => {
                            format!("{name} is `{}`: one digit, small letter or blank", clip(value))
                        }
                    };
                    self.invalid(at, &tag, message);
                    ' '
                }
            }
        });
        let mut subfields = Vec::new();
        for child in element.children() {
            let at = child.span().start;
            if child.local() != "subfield" || child.namespace() != self.namespace {
                self.invalid(at, &tag, format!("`{}` is no part of a data field", clip(child.qname())));
                continue;
            }
            let mut chars = child.attribute("code").unwrap_or_default().chars();
            let code = match (chars.next(), chars.next()) {
                (Some(c), None) if is_subfield_code(c) => c,
                _ => {
                    let code = clip(child.attribute("code").unwrap_or_default());
                    self.invalid(at, &tag, format!("`{code}` is no subfield code"));
                    continue;
                }
            };
            self.no_children(child, &format!("{tag}${code}"));
            subfields.push((code, child.text().into_owned()));
        }
        if element.children().next().is_none() {
            self.invalid(at, &tag, "a data field without a subfield".to_owned());
        }
        self.record.fields.push(MarcField { tag, value: MarcValue::Data { indicators, subfields } });
    }
}
