//! Changes to the elements of one record, gathered as edits that leave every other byte alone.

use std::collections::{HashMap, HashSet};

use crate::Format;
use crate::edit::{Edits, end_of, indent};
use crate::rules::field::{Kind, Path, Step, Test, Vocabulary};
use crate::rules::tag::{renamed, start_tag};
use crate::xml::Element;
use crate::xml_text::escape_text;

/// The changes of one step to one record.
pub(crate) struct Writer<'s, 'd, 'a> {
    pub(crate) format: Format,
    source: &'s str,
    root: Element<'d, 'a>,
    edits: Edits,
    changed: bool,
}

impl<'s, 'd, 'a> Writer<'s, 'd, 'a> {
    pub(crate) fn new(format: Format, source: &'s str, root: Element<'d, 'a>) -> Self {
        Self { format, source, root, edits: Edits::default(), changed: false }
    }

    /// Returns the changed record; nothing where nothing was to change.
    pub(crate) fn finish(self) -> Option<String> {
        self.changed.then(|| self.edits.apply(self.source))
    }

    fn replace(&mut self, range: std::ops::Range<usize>, with: String) {
        self.changed = true;
        self.edits.replace(range, with);
    }

    /// Takes elements out, and the elements around them that hold nothing else then.
    pub(crate) fn remove(&mut self, elements: &[Element<'d, 'a>]) {
        let mut doomed: HashSet<usize> = HashSet::new();
        let mut all: Vec<Element<'d, 'a>> = Vec::new();
        let mut round = elements.to_vec();
        while !round.is_empty() {
            let mut parents: HashMap<usize, (Element<'d, 'a>, usize)> = HashMap::new();
            for element in round {
                if !doomed.insert(element.span().start) {
                    continue;
                }
                all.push(element);
                if let Some(parent) = element.parent().filter(|p| p.span() != self.root.span()) {
                    parents.entry(parent.span().start).or_insert((parent, 0)).1 += 1;
                }
            }
            round = parents
                .into_values()
                .filter(|(parent, gone)| parent.children().count() == *gone && !parent.has_own_text())
                .map(|(parent, _)| parent)
                .collect();
        }
        for element in all {
            if !element.parent().is_some_and(|p| doomed.contains(&p.span().start)) {
                self.changed = true;
                self.edits.remove(self.source, element);
            }
        }
    }

    /// Makes an element's content this text.
    pub(crate) fn set_text(&mut self, element: Element<'_, '_>, text: &str) {
        self.set_inner(element, &escape_text(text));
    }

    fn set_inner(&mut self, element: Element<'_, '_>, inner: &str) {
        let source = element.source();
        match source.strip_suffix("/>") {
            Some(start) if element.content().is_empty() => {
                let start = start.trim_end();
                self.replace(element.span(), format!("{start}>{inner}</{}>", element.qname()));
            }
            _ => self.replace(element.content(), inner.to_owned()),
        }
    }

    /// Adds values to a field, each in its own element.
    ///
    /// A value goes where it completes what is there: into the first field that lacks such a part, such as a 245
    /// without `$h` or an `originInfo` without `publisher`; else into a new field.
    pub(crate) fn add<'v>(&mut self, path: &Path, values: impl IntoIterator<Item = &'v str>) {
        let mut values = values.into_iter().peekable();
        let mut pending: Vec<(Element<'d, 'a>, String)> = Vec::new();
        for depth in (1..path.steps.len()).rev() {
            let (above, below) = path.steps.split_at(depth);
            let (Some(next), true) = (below.first(), values.peek().is_some()) else { break };
            if above.last().is_some_and(|s| matches!(s.local.as_str(), "subject" | "relatedItem")) {
                break; // a further part would change what the others say
            }
            let outer = Path { kind: path.kind, steps: above.to_vec() };
            for parent in outer.find(self.root) {
                if parent.children().any(|c| next.fits(c)) {
                    continue;
                }
                let Some(value) = values.next() else { break };
                pending.push((parent, self.nested(parent, below, &escape_text(value))));
            }
        }
        for (parent, nested) in pending {
            self.insert_into(parent, path, &nested);
        }
        let new: Vec<String> = values.map(|v| self.nested(self.root, &path.steps, &escape_text(v))).collect();
        if let (Some(first), false) = (path.steps.first(), new.is_empty()) {
            self.insert_fields(first, &new);
        }
    }

    /// Adds an element to one that has no such child yet.
    fn insert_into(&mut self, parent: Element<'d, 'a>, path: &Path, nested: &str) {
        if parent.children().next().is_none() {
            return self.set_inner(parent, nested);
        }
        // Subfields stand in the order of their letters, numbers behind them.
        let code = path.steps.last().and_then(|s| s.tests.first()).and_then(|t| match t {
            Test::Is(_, code) if self.format == Format::Marc21 => code.chars().next(),
            _ => None,
        });
        let rank = |c: char| (c.is_ascii_digit(), c);
        let behind = code.filter(char::is_ascii_alphabetic).and_then(|code| {
            parent.children().find(|c| {
                let own = c.attribute("code").and_then(|c| c.chars().next());
                own.is_some_and(|own| rank(own) > rank(code))
            })
        });
        let (at, text) = match behind {
            Some(behind) => {
                let start = behind.span().start;
                let set_off = indent(self.source, start);
                (start, format!("{nested}{set_off}"))
            }
            None => {
                let (at, set_off) = end_of(self.source, parent);
                (at, format!("{set_off}{nested}"))
            }
        };
        self.replace(at..at, text);
    }

    /// Adds whole fields behind the last of their name, or in MARC behind the last of their tag or a lower one.
    pub(crate) fn insert_fields(&mut self, step: &Step, fields: &[String]) {
        if self.root.children().next().is_none() {
            return self.set_inner(self.root, &fields.concat());
        }
        let tag = match step.tests.first() {
            Some(Test::Is(name, tag)) if name == "tag" => tag.as_str(),
            _ => "",
        };
        let before = self
            .root
            .children()
            .filter(|c| match self.format {
                Format::Marc21 => c.attribute("tag").unwrap_or_default() <= tag,
                _ => c.local() == step.local && c.namespace() == self.namespace(step),
            })
            .last();
        let (at, set_off) = match before {
            Some(before) => (before.span().end, indent(self.source, before.span().start)),
            None => end_of(self.source, self.root),
        };
        self.replace(at..at, fields.iter().map(|f| format!("{set_off}{f}")).collect());
    }

    fn namespace(&self, step: &Step) -> &str {
        match &step.vocabulary {
            Vocabulary::Record => self.root.namespace(),
            Vocabulary::Uri(uri) => uri,
            Vocabulary::Prefix(prefix) => self.root.binding(prefix).unwrap_or_default(),
        }
    }

    /// Writes the elements of a path, to stand inside `parent`, around a text that is already escaped.
    fn nested(&self, parent: Element<'_, '_>, steps: &[Step], inner: &str) -> String {
        let mut out = inner.to_owned();
        for step in steps.iter().rev() {
            let mut tag = start_tag(parent, step);
            if self.format == Format::Marc21 && step.local == "datafield" {
                for name in ["ind1", "ind2"].into_iter().filter(|n| !step.speaks_of(n)) {
                    tag.attributes.push_str(&format!(" {name}=\" \""));
                }
            }
            out = format!("<{0}{1}{2}>{out}</{0}>", tag.name, tag.declared, tag.attributes);
        }
        out
    }

    /// Gives an element the name and attributes of `to` in place of those of `from`.
    pub(crate) fn rename(&mut self, element: Element<'_, '_>, from: &Step, to: &Step) {
        let renamed = renamed(element, from, to);
        self.replace(element.span(), renamed);
    }

    /// Replaces a text inside values; returns nothing where the record would grow past `room` bytes.
    pub(crate) fn replace_text(&mut self, path: &Path, find: &str, with: &str, room: usize) -> Option<()> {
        let mut room = room;
        let mut emptied = Vec::new();
        for field in path.find(self.root) {
            let leaves: Vec<Element<'d, 'a>> = match path.kind {
                Kind::DataField => field.children().collect(),
                _ => vec![field],
            };
            for leaf in leaves {
                let text = leaf.text();
                let count = text.matches(find).count();
                if count == 0 {
                    continue;
                }
                room = room.checked_sub(with.len().saturating_sub(find.len()).saturating_mul(count))?;
                let new = text.replace(find, with);
                if new.trim().is_empty() {
                    emptied.push(leaf);
                } else if new != text {
                    self.set_text(leaf, &new);
                }
            }
        }
        self.remove(&emptied);
        Some(())
    }
}
