//! EPUB: the cover that the package names, else its first picture.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::container::{Container, draw_picture};
use crate::draw::{Drawn, Result, Source, broken, unsupported};
use crate::job::Job;

/// Draws the cover of a book.
pub(crate) fn draw(source: &Source, target: u32, job: &Job) -> Result<Drawn> {
    let mut book = Container::open(source)?;
    let package = package_path(&text(&mut book, "META-INF/container.xml")?)?;
    let folder = package.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let cover =
        cover_href(&text(&mut book, &package)?)?.ok_or_else(|| unsupported("the book has no picture"))?;
    let name = if folder.is_empty() { cover } else { format!("{folder}/{cover}") };
    let bytes = book.read(&name)?.ok_or_else(|| broken(format!("the cover `{name}` is missing")))?;
    draw_picture(bytes, &name, target, job)
}

fn text(book: &mut Container<'_>, name: &str) -> Result<String> {
    let bytes = book.read(name)?.ok_or_else(|| broken(format!("`{name}` is missing")))?;
    String::from_utf8(bytes).map_err(|_| broken(format!("`{name}` is not UTF-8")))
}

/// Calls `see` with each element; entities of the document itself are never expanded.
fn elements(xml: &str, mut see: impl FnMut(&str, &BytesStart<'_>)) -> Result<()> {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(start) | Event::Empty(start) => {
                let name = start.local_name();
                let name = name.as_ref().to_owned();
                see(&name, &start);
            }
            Event::DocType(_) => return Err(broken("a document type declaration")),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.try_get_attribute(name).ok()??;
    Some(found.value.to_string())
}

fn package_path(container: &str) -> Result<String> {
    let mut path = None;
    elements(container, |name, start| {
        if name == "rootfile" && path.is_none() {
            path = attribute(start, "full-path");
        }
    })?;
    path.ok_or_else(|| broken("the container names no package"))
}

/// The address of the cover, relative to the package.
fn cover_href(package: &str) -> Result<Option<String>> {
    let mut named = None;
    let mut pictures: Vec<(String, String, bool)> = Vec::new();
    elements(package, |name, start| match name {
        "meta" if attribute(start, "name").as_deref() == Some("cover") => named = attribute(start, "content"),
        "item" => {
            let is_picture = attribute(start, "media-type").is_some_and(|mime| mime.starts_with("image/"));
            if let (true, Some(id), Some(href)) =
                (is_picture, attribute(start, "id"), attribute(start, "href"))
            {
                let properties = attribute(start, "properties").unwrap_or_default();
                pictures.push((id, href, properties.split(' ').any(|word| word == "cover-image")));
            }
        }
        _ => {}
    })?;
    let cover = pictures
        .iter()
        .find(|(_, _, is_cover)| *is_cover)
        .or_else(|| pictures.iter().find(|(id, _, _)| Some(id) == named.as_ref()))
        .or_else(|| pictures.first());
    Ok(cover.map(|(_, href, _)| href.clone()))
}
