//! MODS to Dublin Core. Source: Library of Congress, MODS to Dublin Core Metadata Element Set Mapping.

use crate::crosswalk::DublinCore;
use crate::crosswalk_marc::as_text;
use crate::mods::{MODS_NS, identifier_of, is_creator, main_title, name_of, subject_of, title_of};
use crate::xml::Element;

pub(crate) fn map(root: Element<'_, '_>) -> DublinCore {
    let mut out = DublinCore::default();
    if let Some(title) = main_title(root) {
        out.add("title", &title_of(title).0);
    }
    for child in root.children() {
        map_element(child, &mut out);
    }
    out
}

fn map_element(e: Element<'_, '_>, out: &mut DublinCore) {
    match e.local() {
        "titleInfo" => out.add("title", &title_of(e).0),
        "name" if e.attribute("usage") == Some("primary") || is_creator(e) == Some(true) => {
            out.add("creator", &name_of(e));
        }
        "name" => out.add("contributor", &name_of(e)),
        "subject" => subject(e, out),
        "abstract" | "note" | "tableOfContents" => out.add("description", &e.text()),
        "originInfo" => origin(e, out),
        "typeOfResource" => out.add("type", resource_type(&e.text())),
        "genre" => out.add("type", &e.text()),
        "physicalDescription" => {
            for part in e.children().filter(|c| matches!(c.local(), "extent" | "form" | "internetMediaType"))
            {
                out.add("format", &part.text());
            }
        }
        "identifier" if e.attribute("invalid") != Some("yes") => {
            if let Some(identifier) = identifier_of(e) {
                out.add("identifier", &as_text(&identifier));
            }
        }
        "location" => {
            e.children().filter(|c| c.local() == "url").for_each(|u| out.add("identifier", &u.text()))
        }
        "language" => {
            e.children().filter(|c| c.local() == "languageTerm").for_each(|t| out.add("language", &t.text()));
        }
        "relatedItem" => related(e, out),
        "accessCondition" => {
            out.add("rights", &e.deep_text());
            if let Some(uri) = e.attribute_ns("http://www.w3.org/1999/xlink", "href") {
                out.add("rights", uri);
            }
        }
        _ => {}
    }
}

/// A subject of places and times only is coverage; any other is a subject, with its parts joined.
fn subject(e: Element<'_, '_>, out: &mut DublinCore) {
    let of_place_or_time = |c: Element<'_, '_>| {
        matches!(
            c.local(),
            "geographic" | "temporal" | "hierarchicalGeographic" | "cartographics" | "geographicCode"
        )
    };
    let coverage = e.children().all(of_place_or_time);
    out.add(if coverage { "coverage" } else { "subject" }, &subject_of(e));
    for cartographics in e.children().filter(|c| c.local() == "cartographics") {
        for coordinates in cartographics.children().filter(|c| c.local() == "coordinates") {
            out.add("coverage", &coordinates.text());
        }
    }
}

fn origin(e: Element<'_, '_>, out: &mut DublinCore) {
    for part in e.children() {
        match part.local() {
            "publisher" => out.add("publisher", &part.text()),
            "dateIssued" | "dateCreated" | "dateCaptured" | "dateOther" | "copyrightDate" => {
                out.add("date", &part.text());
            }
            _ => {}
        }
    }
}

fn related(e: Element<'_, '_>, out: &mut DublinCore) {
    let element = if e.attribute("type") == Some("original") { "source" } else { "relation" };
    let before = out.statements.len();
    if let Some(title) = e.child(MODS_NS, "titleInfo") {
        out.add(element, &title_of(title).0);
    }
    if out.statements.len() == before
        && let Some(identifier) = e.child(MODS_NS, "identifier")
    {
        out.add(element, &identifier.text());
    }
}

/// Returns the DCMI type of a MODS resource type; what has no counterpart stays as it is.
fn resource_type(text: &str) -> &str {
    match text.trim() {
        "text" | "notated music" => "Text",
        "cartographic" | "still image" => "StillImage",
        "moving image" => "MovingImage",
        "sound recording" | "sound recording-musical" | "sound recording-nonmusical" => "Sound",
        "software, multimedia" => "Software",
        "three dimensional object" => "PhysicalObject",
        other => other,
    }
}
