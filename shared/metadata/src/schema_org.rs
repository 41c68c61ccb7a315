//! A title as schema.org describes things, for search engines (META-3, META-4). Only what the record says: a person is not
//! told from a corporate body, nor a day from a year.

use serde_json::{Map, Value, json};

use crate::crosswalk::DublinCore;
use crate::identifier::normalise_isbn;
use crate::iiif::{bcp47, rights};

/// The most values of one property.
const MAX_VALUES: usize = 50;

/// What is known of a title beside its record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About<'a> {
    /// The address of its page.
    pub url: &'a str,
    /// Its id.
    pub id: &'a str,
    /// The address of its picture.
    pub thumbnail: &'a str,
    /// Who shows it.
    pub provider: &'a str,
    /// Its IIIF manifest.
    pub manifest: &'a str,
    /// The collections that it is seen in, by id and name.
    pub collections: Vec<(&'a str, &'a str)>,
    /// Its first files, where everybody may have them.
    pub files: Option<Vec<MediaFile<'a>>>,
    /// Media types of its first files.
    pub media_types: Vec<&'a str>,
}

/// A file that everybody may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile<'a> {
    /// The address of its bytes.
    pub url: &'a str,
    /// Its media type.
    pub media_type: &'a str,
    /// Its label.
    pub name: &'a str,
    /// How many bytes it has.
    pub size_bytes: u64,
}

/// The description of a title.
pub fn schema_org(record: &DublinCore, about: &About<'_>) -> Value {
    let mut out = Map::new();
    out.insert("@context".into(), json!("https://schema.org"));
    out.insert("@id".into(), json!(about.url));
    out.insert("@type".into(), json!(kind(record, &about.media_types)));
    out.insert("url".into(), json!(about.url));
    let mut titles = record.values("title");
    out.insert("name".into(), json!(titles.next().unwrap_or(about.id)));
    let mut say = |property: &str, values: Vec<&str>| {
        match values.as_slice() {
            [] => return,
            [one] => out.insert(property.to_owned(), json!(one)),
            many => out.insert(property.to_owned(), json!(many)),
        };
    };
    let values = |element: &'static str| record.values(element).take(MAX_VALUES);
    say("alternateName", titles.take(MAX_VALUES).collect());
    say("creator", values("creator").collect());
    say("contributor", values("contributor").collect());
    say("publisher", values("publisher").collect());
    say("description", values("description").collect());
    say("keywords", values("subject").collect());
    say("inLanguage", values("language").filter_map(bcp47).collect());
    say("datePublished", values("date").filter(|date| is_date(date)).take(1).collect());
    let isbns: Vec<String> = values("identifier").filter_map(isbn).collect();
    say("isbn", isbns.iter().map(String::as_str).collect());
    say("identifier", std::iter::once(about.id).chain(values("identifier")).collect());
    let said = rights(record);
    say("license", said.uri.as_deref().into_iter().collect());
    say("copyrightNotice", said.statements.iter().map(String::as_str).take(MAX_VALUES).collect());
    say("thumbnailUrl", vec![about.thumbnail]);
    out.insert("provider".into(), json!({ "@type": "Organization", "name": about.provider }));
    out.insert(
        "subjectOf".into(),
        json!({ "@type": "DigitalDocument", "url": about.manifest, "encodingFormat": "application/ld+json" }),
    );
    let collections: Vec<Value> = about
        .collections
        .iter()
        .map(|(id, name)| json!({ "@type": "Collection", "identifier": id, "name": name }))
        .collect();
    if !collections.is_empty() {
        out.insert("isPartOf".into(), json!(collections));
    }
    if let Some(files) = &about.files {
        out.insert("isAccessibleForFree".into(), json!(true));
        let media = |file: &MediaFile<'_>| {
            json!({
                "@type": media_object(file.media_type),
                "contentUrl": file.url,
                "encodingFormat": file.media_type,
                "name": file.name,
                "contentSize": file.size_bytes.to_string(),
            })
        };
        if !files.is_empty() {
            out.insert("encoding".into(), files.iter().map(media).collect());
        }
    }
    Value::Object(out)
}

/// What kind of thing it is: a book where the record has its number, else what its one file is.
fn kind(record: &DublinCore, media_types: &[&str]) -> &'static str {
    if record.values("identifier").any(|it| isbn(it).is_some()) {
        return "Book";
    }
    match media_types {
        [one] if media_object(one) != "MediaObject" => media_object(one),
        _ => "CreativeWork",
    }
}

fn media_object(media_type: &str) -> &'static str {
    match media_type.split('/').next() {
        Some("image") => "ImageObject",
        Some("audio") => "AudioObject",
        Some("video") => "VideoObject",
        _ => "MediaObject",
    }
}

/// The number of a book, where an identifier says that it is one: bare numbers can be anything.
fn isbn(identifier: &str) -> Option<String> {
    identifier.to_ascii_lowercase().contains("isbn").then(|| normalise_isbn(identifier)).flatten()
}

/// Whether a text is a date of ISO 8601: a year, a month or a day.
fn is_date(text: &str) -> bool {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [year] => digits(year, 4),
        [year, month] => digits(year, 4) && digits(month, 2),
        [year, month, day] => digits(year, 4) && digits(month, 2) && digits(day, 2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(statements: &[(&'static str, &str)]) -> DublinCore {
        let mut record = DublinCore::default();
        for (element, value) in statements {
            record.add(element, value);
        }
        record
    }

    fn about() -> About<'static> {
        About {
            url: "https://x.example/view/delivery/X/12",
            id: "99123",
            thumbnail: "https://x.example/t",
            provider: "X",
            manifest: "https://x.example/m",
            collections: Vec::new(),
            files: None,
            media_types: Vec::new(),
        }
    }

    #[test]
    fn meta_3_says_what_the_record_says_and_no_more() {
        let said = schema_org(
            &record(&[
                ("title", "Moby-Dick"),
                ("title", "The whale"),
                ("creator", "Melville, Herman"),
                ("date", "[1851?]"),
                ("date", "1851"),
                ("language", "eng"),
                ("language", "mul"),
                ("subject", "Whales"),
                ("subject", "Sea"),
                ("identifier", "urn:isbn:9780142437247"),
                ("rights", "https://creativecommons.org/publicdomain/mark/1.0/"),
            ]),
            &about(),
        );
        let expected = json!({
            "@context": "https://schema.org",
            "@id": "https://x.example/view/delivery/X/12",
            "@type": "Book",
            "url": "https://x.example/view/delivery/X/12",
            "name": "Moby-Dick",
            "alternateName": "The whale",
            "creator": "Melville, Herman",
            "datePublished": "1851",
            "inLanguage": "en",
            "keywords": ["Whales", "Sea"],
            "isbn": "9780142437247",
            "identifier": ["99123", "urn:isbn:9780142437247"],
            "license": "http://creativecommons.org/publicdomain/mark/1.0/",
            "thumbnailUrl": "https://x.example/t",
            "provider": { "@type": "Organization", "name": "X" },
            "subjectOf": { "@type": "DigitalDocument", "url": "https://x.example/m", "encodingFormat": "application/ld+json" },
        });
        assert_eq!(said, expected);
        assert_eq!(schema_org(&record(&[]), &about())["name"], "99123");
        let held = About { collections: vec![("81123", "Whaling")], ..about() };
        let expected = json!([{ "@type": "Collection", "identifier": "81123", "name": "Whaling" }]);
        assert_eq!(schema_org(&record(&[]), &held)["isPartOf"], expected);
    }

    #[test]
    fn meta_4_the_one_file_of_a_title_says_what_it_is() {
        for (media_types, kind) in [
            (vec!["image/tiff"], "ImageObject"),
            (vec!["video/mp4"], "VideoObject"),
            (vec!["audio/mpeg"], "AudioObject"),
            (vec!["application/pdf"], "CreativeWork"),
            (vec!["image/tiff", "image/tiff"], "CreativeWork"),
            (vec![], "CreativeWork"),
        ] {
            let about = About { media_types, ..about() };
            assert_eq!(schema_org(&record(&[]), &about)["@type"], kind);
        }
    }

    #[test]
    fn meta_4_addresses_of_bytes_are_for_what_everybody_may_have() {
        let hidden = schema_org(&record(&[]), &about());
        assert!(hidden.get("encoding").is_none() && hidden.get("isAccessibleForFree").is_none());
        let file =
            MediaFile { url: "https://x.example/b", media_type: "image/png", name: "1", size_bytes: 7 };
        let open = schema_org(&record(&[]), &About { files: Some(vec![file]), ..about() });
        assert_eq!(open["encoding"][0]["contentUrl"], "https://x.example/b");
        assert_eq!(open["encoding"][0]["@type"], "ImageObject");
    }
}
