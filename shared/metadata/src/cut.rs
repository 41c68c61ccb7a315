//! Cutting an element out of its document so that it stands alone.

use std::borrow::Cow;

use crate::xml::{Element, XML_NS};
use crate::xml_text::escape_attribute;

/// Returns the element's exact source; where it leans on declarations of outer elements, those that it uses
/// are added to its start tag and nothing else changes.
pub(crate) fn standalone<'a>(element: Element<'_, 'a>) -> Cow<'a, str> {
    with_declarations(element, |prefix, uri| !(prefix.is_empty() && uri.is_empty()))
}

/// Returns the element's source fit for a place inside `into`: declarations that are the same there are not
/// repeated.
pub(crate) fn fragment<'a>(element: Element<'_, 'a>, into: Element<'_, '_>) -> Cow<'a, str> {
    with_declarations(element, |prefix, uri| into.binding(prefix).unwrap_or_default() != uri)
}

fn with_declarations<'a>(element: Element<'_, 'a>, missing: impl Fn(&str, &str) -> bool) -> Cow<'a, str> {
    let source = element.source();
    let mut inherited = element.inherited_declarations();
    if element.binding("").is_none() {
        inherited.push(("", ""));
    }
    let mut needed = String::new();
    for (prefix, uri) in inherited {
        if uri == XML_NS || !uses_prefix(element, prefix, uri) || !missing(prefix, uri) {
            continue;
        }
        let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
        needed.push_str(&format!(" {name}=\"{}\"", escape_attribute(uri)));
    }
    if needed.is_empty() {
        return Cow::Borrowed(source);
    }
    let name_end = 1 + element.qname().len();
    match (source.get(..name_end), source.get(name_end..)) {
        (Some(before), Some(after)) => Cow::Owned(format!("{before}{needed}{after}")),
        _ => Cow::Borrowed(source),
    }
}

/// Whether a name inside carries that prefix and namespace, or a value such as `xsi:type="dcterms:URI"` does.
fn uses_prefix(element: Element<'_, '_>, prefix: &str, uri: &str) -> bool {
    element.descendants().any(|e| {
        let own = e.qname().split_once(':').map_or("", |(p, _)| p);
        (own == prefix && e.namespace() == uri)
            || (!prefix.is_empty()
                && (e.attribute_prefixes().any(|p| p == prefix)
                    || e.attributes().any(|a| a.value.split_once(':').is_some_and(|(p, _)| p == prefix))))
    })
}
