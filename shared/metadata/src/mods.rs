//! MODS 3: checking and indexing.

use crate::error::{ProblemKind, Problems};
use crate::identifier::{Identifier, Scheme};
use crate::index::{BibIndex, add_value, bounded, set_first};
use crate::text::{normalise_space, sort_key};
use crate::xml::{Element, clip};

/// The namespace of every MODS 3 version.
pub const MODS_NS: &str = "http://www.loc.gov/mods/v3";

/// The top-level elements of MODS 3.8.
pub(crate) const TOP_LEVEL: [&str; 20] = [
    "abstract",
    "accessCondition",
    "classification",
    "extension",
    "genre",
    "identifier",
    "language",
    "location",
    "name",
    "note",
    "originInfo",
    "part",
    "physicalDescription",
    "recordInfo",
    "relatedItem",
    "subject",
    "tableOfContents",
    "targetAudience",
    "titleInfo",
    "typeOfResource",
];

pub(crate) fn is_collection(element: Element<'_, '_>) -> bool {
    element.is(MODS_NS, "modsCollection")
}

pub(crate) fn is_record(element: Element<'_, '_>) -> bool {
    element.is(MODS_NS, "mods")
}

/// Checks a record's elements and namespaces.
pub(crate) fn check(root: Element<'_, '_>, problems: &mut Problems<'_>) {
    if root.has_own_text() {
        let message = format!("text directly inside `{}`", clip(root.qname()));
        problems.add(ProblemKind::InvalidField, root.span().start, "", message);
    }
    for child in root.children() {
        let at = child.span().start;
        if child.namespace() != MODS_NS {
            let message = format!("`{}` is not in the MODS namespace", clip(child.qname()));
            problems.add(ProblemKind::UnknownNamespace, at, clip(child.qname()), message);
            continue;
        }
        if !TOP_LEVEL.contains(&child.local()) {
            let message = format!("`{}` is no top-level element of MODS", clip(child.local()));
            problems.add(ProblemKind::InvalidField, at, clip(child.local()), message);
            continue;
        }
        // `extension` and `accessCondition` may hold anything; a related item holds a record of its own.
        let mut open_until = 0;
        for inner in child.descendants() {
            let span = inner.span();
            if span.start < open_until {
                continue;
            }
            if matches!(inner.local(), "extension" | "accessCondition") && inner.namespace() == MODS_NS {
                open_until = span.end;
            } else if inner.namespace() != MODS_NS {
                let message = format!("`{}` is not in the MODS namespace", clip(inner.qname()));
                problems.add(ProblemKind::UnknownNamespace, span.start, clip(child.local()), message);
                open_until = span.end;
            }
        }
    }
}

pub(crate) fn index(root: Element<'_, '_>, problems: &mut Problems<'_>) -> BibIndex {
    check(root, problems);
    let mut index = BibIndex::default();
    if let Some(title_info) = main_title(root) {
        let (title, skip) = title_of(title_info);
        index.title = bounded(&title).unwrap_or_default();
        index.sort_title = sort_key(&index.title, skip);
    }
    names(root, &mut index);
    for child in root.children() {
        match child.local() {
            "originInfo" => origin(child, &mut index),
            "language" => {
                if let Some(term) = child.child(MODS_NS, "languageTerm") {
                    set_first(&mut index.language, &term.text());
                }
            }
            "abstract" => set_first(&mut index.description, &child.text()),
            "accessCondition" => rights(child, &mut index),
            "subject" => add_value(&mut index.subjects, &subject_of(child)),
            "genre" | "typeOfResource" => add_value(&mut index.types, &child.text()),
            "identifier" => index.add_identifier(identifier_of(child)),
            "recordInfo" => {
                for number in child.children().filter(|c| c.local() == "recordIdentifier") {
                    index.add_identifier(Identifier::new(Scheme::OtherSystem, &number.text()));
                }
            }
            _ => {}
        }
    }
    index
}

/// Returns the title that is no alternative, abbreviated, translated or uniform one.
pub(crate) fn main_title<'d, 'a>(root: Element<'d, 'a>) -> Option<Element<'d, 'a>> {
    let with_title = |e: &Element<'d, 'a>| {
        e.is(MODS_NS, "titleInfo") && e.child(MODS_NS, "title").is_some_and(|t| !t.text().trim().is_empty())
    };
    let plain = || root.children().filter(with_title).filter(|e| e.attribute("type").is_none());
    plain().find(|e| e.attribute("usage") == Some("primary")).or_else(|| plain().next())
}

/// Returns a title in display form and how many of its characters do not file.
pub(crate) fn title_of(title_info: Element<'_, '_>) -> (String, usize) {
    let part = |name| {
        title_info.child(MODS_NS, name).map(|e| normalise_space(&e.text())).filter(|text| !text.is_empty())
    };
    let mut title = String::new();
    let mut skip = 0;
    if let Some(article) = part("nonSort") {
        title.push_str(&article);
        if !article.ends_with(['\'', '’', '-']) {
            title.push(' ');
        }
        skip = title.chars().count();
    }
    title.push_str(&part("title").unwrap_or_default());
    if let Some(sub_title) = part("subTitle") {
        title.push_str(" : ");
        title.push_str(&sub_title);
    }
    for name in ["partNumber", "partName"] {
        if let Some(text) = part(name) {
            title.push_str(". ");
            title.push_str(&text);
        }
    }
    (title, skip)
}

/// Returns a name in display form: name parts, term of address, dates.
pub(crate) fn name_of(name: Element<'_, '_>) -> String {
    let parts = |kind: Option<&str>| {
        let mut joined = String::new();
        for part in name.children().filter(|c| c.local() == "namePart" && c.attribute("type") == kind) {
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(&normalise_space(&part.text()));
        }
        joined
    };
    let mut whole = parts(None);
    for (kind, separator) in [("family", ", "), ("given", ", "), ("termsOfAddress", ", "), ("date", ", ")] {
        let text = parts(Some(kind));
        if text.is_empty() {
            continue;
        }
        if !whole.is_empty() {
            whole.push_str(separator);
        }
        whole.push_str(&text);
    }
    whole
}

/// Whether a name's role makes it the creator; `None` without a role.
pub(crate) fn is_creator(name: Element<'_, '_>) -> Option<bool> {
    let mut roles = name
        .children()
        .filter(|c| c.local() == "role")
        .flat_map(|r| r.children())
        .filter(|t| t.local() == "roleTerm")
        .peekable();
    roles.peek()?;
    Some(roles.any(|t| {
        let term = t.text().trim().trim_end_matches('.').to_lowercase();
        matches!(term.as_str(), "creator" | "cre" | "author" | "aut")
    }))
}

fn names(root: Element<'_, '_>, index: &mut BibIndex) {
    let all: Vec<_> = root.children().filter(|c| c.is(MODS_NS, "name")).collect();
    let author = all
        .iter()
        .position(|n| is_creator(*n) == Some(true))
        .or_else(|| all.iter().position(|n| n.attribute("usage") == Some("primary")))
        .or_else(|| all.iter().position(|n| is_creator(*n).is_none()));
    for (i, name) in all.iter().enumerate() {
        let text = name_of(*name);
        if Some(i) == author {
            set_first(&mut index.author, &text);
        } else {
            add_value(&mut index.contributors, &text);
        }
    }
}

fn origin(origin: Element<'_, '_>, index: &mut BibIndex) {
    for place in origin.children().filter(|c| c.local() == "place") {
        for term in
            place.children().filter(|t| t.local() == "placeTerm" && t.attribute("type") != Some("code"))
        {
            set_first(&mut index.place, &term.text());
        }
    }
    if let Some(publisher) = origin.child(MODS_NS, "publisher") {
        set_first(&mut index.publisher, &publisher.text());
    }
    if let Some(date) = date_of(origin) {
        set_first(&mut index.date, &date);
    }
}

/// Returns the date of publication, else of creation, copyright or capture; the marked key date first.
pub(crate) fn date_of(origin: Element<'_, '_>) -> Option<String> {
    for name in ["dateIssued", "dateCreated", "copyrightDate", "dateCaptured", "dateOther"] {
        let all: Vec<_> = origin.children().filter(|c| c.local() == name).collect();
        let key = all.iter().find(|d| d.attribute("keyDate") == Some("yes")).or_else(|| all.first());
        if let Some(date) = key.map(|d| normalise_space(&d.text())).filter(|d| !d.is_empty()) {
            return Some(date);
        }
    }
    None
}

fn rights(condition: Element<'_, '_>, index: &mut BibIndex) {
    add_value(&mut index.rights, &condition.deep_text());
    if let Some(uri) = condition.attribute_ns("http://www.w3.org/1999/xlink", "href") {
        add_value(&mut index.rights, uri);
    }
}

/// Joins the parts of a subject.
pub(crate) fn subject_of(subject: Element<'_, '_>) -> String {
    let mut joined = String::new();
    for part in subject.children() {
        let text = match part.local() {
            "name" => name_of(part),
            "titleInfo" => title_of(part).0,
            "hierarchicalGeographic" => part
                .children()
                .map(|c| normalise_space(&c.text()))
                .filter(|t| !t.is_empty())
                .collect::<Vec<_>>()
                .join(" -- "),
            "cartographics" | "geographicCode" => continue,
            _ => normalise_space(&part.text()),
        };
        if text.is_empty() {
            continue;
        }
        if !joined.is_empty() {
            joined.push_str(" -- ");
        }
        joined.push_str(&text);
    }
    joined
}

/// Returns an identifier by its `type`; one marked invalid stays a plain identifier.
pub(crate) fn identifier_of(element: Element<'_, '_>) -> Option<Identifier> {
    let value = element.text();
    if element.attribute("invalid") == Some("yes") {
        return Identifier::new(Scheme::Other, &value);
    }
    match element.attribute("type").unwrap_or_default().to_ascii_lowercase().as_str() {
        "isbn" => Identifier::new(Scheme::Isbn, &value),
        "issn" => Identifier::new(Scheme::Issn, &value),
        "doi" => Identifier::new(Scheme::Doi, &value),
        "hdl" => Identifier::new(Scheme::Handle, &value),
        "uri" => Identifier::new(Scheme::Uri, &value),
        "lccn" => Identifier::new(Scheme::Lccn, &value),
        "oclc" => Identifier::new(Scheme::OtherSystem, &format!("(OCoLC){}", value.trim())),
        "" => Identifier::guess(&value),
        _ => Identifier::new(Scheme::Other, &value),
    }
}
