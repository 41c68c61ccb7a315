//! How the field names of each format are spelled.
//!
//! | format | spelling | means |
//! |---|---|---|
//! | marc21 | `LDR`, `001` | the leader, a control field |
//! | marc21 | `245`, `245 10` | a whole data field, with any or with these indicators (`#` is a blank) |
//! | marc21 | `245$a`, `856 40$u` | a subfield |
//! | dc, qdc | `dc:title`, `dcterms:issued` (qdc), `title` for `dc:title` | an element |
//! | qdc | `dcterms:subject.dcterms:LCSH` | an element with that `xsi:type` |
//! | qdc | `local:shelf` | an element of the institution's own vocabulary, by its prefix; read and taken out only |
//! | mods | `titleInfo/title`, `note` | an element by its path |
//! | mods | `identifier[@type=isbn]`, `identifier.isbn`, `titleInfo[not(@type)]/title` | one with or without an attribute |

use crate::Format;
use crate::dc::{self, DC_NS, DCTERMS_NS};
use crate::marc::{is_control_tag, is_data_tag, is_indicator, is_subfield_code};
use crate::mods::{self, MODS_NS};
use crate::rules::field::{Kind, Path, Step, Test, Vocabulary};
use crate::rules::mods_elements::{is_below, is_container};
use crate::xml::clip;
use crate::xml_text::{is_name, is_qname};

/// The most elements of a path.
const MAX_STEPS: usize = 6;

pub(super) fn marc(name: &str) -> Result<Path, String> {
    let step = |local: &str, tests| Step { vocabulary: Vocabulary::Record, local: local.to_owned(), tests };
    let is = |attribute: &str, value: &str| Test::Is(attribute.to_owned(), value.to_owned());
    if matches!(name, "LDR" | "leader") {
        return Ok(Path { kind: Kind::Fixed, steps: vec![step("leader", Vec::new())] });
    }
    if is_control_tag(name) {
        return Ok(Path { kind: Kind::Fixed, steps: vec![step("controlfield", vec![is("tag", name)])] });
    }
    let (field, code) = match name.split_once('$') {
        Some((field, code)) => (field, Some(code)),
        None => (name, None),
    };
    let (tag, indicators) = (field.get(..3).unwrap_or(field), field.get(3..).unwrap_or_default());
    if !is_data_tag(tag) {
        return Err("a field is spelled `LDR`, `001`, `245`, `245$a` or `856 40$u`".to_owned());
    }
    let mut tests = vec![is("tag", tag)];
    // `245 1` could mean either indicator, so a blank in front is never one.
    let indicators: Vec<char> = indicators.strip_prefix(' ').unwrap_or(indicators).chars().collect();
    match indicators.as_slice() {
        [] => {}
        [first, second] => {
            for (attribute, c) in [("ind1", first), ("ind2", second)] {
                let c = if *c == '#' { ' ' } else { *c };
                if !is_indicator(c) {
                    return Err("an indicator is a digit, a small letter, or `#` for a blank".to_owned());
                }
                tests.push(is(attribute, &c.to_string()));
            }
        }
        _ => return Err("two indicators or none stand behind the tag".to_owned()),
    }
    let mut steps = vec![step("datafield", tests)];
    let Some(code) = code else { return Ok(Path { kind: Kind::DataField, steps }) };
    let mut chars = code.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if is_subfield_code(c) => {
            steps.push(step("subfield", vec![is("code", code)]));
            Ok(Path { kind: Kind::Text, steps })
        }
        _ => Err("one subfield code stands behind `$`".to_owned()),
    }
}

pub(super) fn dublin_core(format: Format, name: &str) -> Result<Path, String> {
    let (name, mut tests) = attributes(name)?;
    let (qname, scheme) = match name.split_once('.') {
        Some((qname, scheme)) => (qname, Some(scheme)),
        None => (name, None),
    };
    let (prefix, local) = qname.split_once(':').unwrap_or(("dc", qname));
    let qualified = format == Format::QualifiedDublinCore;
    let (vocabulary, kind) = match prefix {
        "dc" if dc::ELEMENTS.contains(&local) => (Vocabulary::Uri(DC_NS), Kind::Text),
        "dc" => return Err("it is none of the fifteen elements".to_owned()),
        "dcterms" if !qualified => {
            return Err("terms are qualified Dublin Core: use format qdc".to_owned());
        }
        "dcterms" if dc::is_term(local) => (Vocabulary::Uri(DCTERMS_NS), Kind::Text),
        "dcterms" => return Err("it is no Dublin Core term".to_owned()),
        _ if !qualified => return Err("a field is spelled `dc:title`".to_owned()),
        _ if is_name(prefix) && is_name(local) => (Vocabulary::Prefix(prefix.to_owned()), Kind::Local),
        _ => return Err("a field is spelled `dc:title` or `dcterms:issued`".to_owned()),
    };
    if let Some(scheme) = scheme {
        let local = scheme.strip_prefix("dcterms:").unwrap_or(scheme);
        if !qualified {
            return Err("schemes are qualified Dublin Core: use format qdc".to_owned());
        }
        if !is_name(local) {
            return Err("a scheme is spelled `dcterms:LCSH`".to_owned());
        }
        tests.push(Test::Scheme(local.to_owned()));
    }
    Ok(Path { kind, steps: vec![Step { vocabulary, local: local.to_owned(), tests }] })
}

pub(super) fn mods_path(name: &str) -> Result<Path, String> {
    let mut steps = Vec::new();
    for part in split_path(name) {
        let (part, mut tests) = attributes(part)?;
        let (local, kind) = match part.split_once('.') {
            Some((local, kind)) => (local, Some(kind)),
            None => (part, None),
        };
        if !is_name(local) {
            return Err("a field is spelled `titleInfo/title`, or `identifier[@type=isbn]`".to_owned());
        }
        if let Some(kind) = kind {
            tests.push(Test::Is("type".to_owned(), kind.to_owned()));
        }
        let known = match steps.is_empty() {
            true => mods::TOP_LEVEL.contains(&local),
            false => is_below(local),
        };
        if !known {
            let place = if steps.is_empty() { "top-level element" } else { "element" };
            return Err(format!("`{}` is no {place} of MODS", clip(local)));
        }
        steps.push(Step { vocabulary: Vocabulary::Uri(MODS_NS), local: local.to_owned(), tests });
    }
    if steps.len() > MAX_STEPS {
        return Err(format!("a path has at most {MAX_STEPS} elements"));
    }
    let container = match steps.as_slice() {
        [.., parent, last] => is_container(Some(&parent.local), &last.local),
        [only] => is_container(None, &only.local),
        [] => true,
    };
    Ok(Path { kind: if container { Kind::Container } else { Kind::Text }, steps })
}

/// Splits a path at the slashes that stand outside brackets.
fn split_path(name: &str) -> Vec<&str> {
    let (mut parts, mut from, mut inside) = (Vec::new(), 0, false);
    for (at, c) in name.char_indices() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            '/' if !inside => {
                parts.push(name.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(name.get(from..).unwrap_or_default());
    parts
}

/// Cuts `[@type=isbn]`, `[@type="isbn"]` and `[not(@type)]` off the end.
fn attributes(name: &str) -> Result<(&str, Vec<Test>), String> {
    let Some((bare, rest)) = name.split_once('[') else { return Ok((name, Vec::new())) };
    let mut tests = Vec::new();
    let wrong = || "an attribute is spelled `[@type=isbn]` or `[not(@type)]`".to_owned();
    let mut rest = rest.strip_suffix(']').ok_or_else(wrong)?;
    loop {
        let (one, further) = match rest.split_once("][") {
            Some((one, further)) => (one, Some(further)),
            None => (rest, None),
        };
        if let Some(absent) = one.strip_prefix("not(@").and_then(|n| n.strip_suffix(')')) {
            if !is_qname(absent) {
                return Err(wrong());
            }
            tests.push(Test::Without(absent.to_owned()));
        } else {
            let (attribute, value) =
                one.strip_prefix('@').and_then(|o| o.split_once('=')).ok_or_else(wrong)?;
            let quoted = |q: char| value.strip_prefix(q).and_then(|v| v.strip_suffix(q));
            let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
            if !is_qname(attribute) {
                return Err(wrong());
            }
            tests.push(Test::Is(attribute.to_owned(), value.to_owned()));
        }
        match further {
            Some(further) => rest = further,
            None => return Ok((bare, tests)),
        }
    }
}
