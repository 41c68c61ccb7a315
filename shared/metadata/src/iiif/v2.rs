//! Presentation 2.1: what the vendor serves and older clients read (PRS-12, S5). It knows pictures; sound, film and documents
//! are a picture that stands for them and a link to the file.

use serde_json::{Map, Value, json};

use super::plan::{Canvas, Numbered, Painted, Picture, plan};
use super::{Manifest, words};

const CONTEXT: &str = "http://iiif.io/api/presentation/2/context.json";
/// The sides of a canvas for what has none.
const STAGE: (u32, u32) = (1024, 384);

pub(super) fn manifest(manifest: &Manifest<'_>) -> Value {
    let plan = plan(manifest);
    let id = manifest.addresses.manifest_2(manifest.representation);
    let base = id.trim_end_matches("/manifest").to_owned();
    let rights = words::rights(manifest.record);
    let metadata: Vec<Value> = words::lines(manifest.record)
        .into_iter()
        .map(|(label, values)| {
            let values: Vec<String> = values.into_iter().map(words::inert).collect();
            json!({ "label": label, "value": values })
        })
        .collect();
    let mut out = Map::from_iter([
        ("@context".to_owned(), json!(CONTEXT)),
        ("@id".to_owned(), json!(id)),
        ("@type".to_owned(), json!("sc:Manifest")),
        ("label".to_owned(), json!(words::inert(&manifest.name()))),
        ("metadata".to_owned(), metadata.into()),
        ("viewingDirection".to_owned(), json!(plan.direction)),
        ("viewingHint".to_owned(), json!(plan.behavior)),
        (
            "related".to_owned(),
            json!({
                "@id": manifest.addresses.page(manifest.representation.as_str()),
                "format": "text/html",
            }),
        ),
        (
            "seeAlso".to_owned(),
            json!({
                "@id": manifest.addresses.record(manifest.mms_id, manifest.format),
                "format": "application/xml",
            }),
        ),
    ]);
    if let Some(summary) = manifest.summary() {
        out.insert("description".to_owned(), json!(words::inert(&summary)));
    }
    if let Some(uri) = rights.uri {
        out.insert("license".to_owned(), json!(uri));
    }
    if !rights.statements.is_empty() {
        let said: Vec<String> = rights.statements.iter().map(|it| words::inert(it)).collect();
        out.insert("attribution".to_owned(), json!(said));
    }
    let first = plan.canvases.iter().find_map(|canvas| canvas.thumbnail.as_ref());
    if let Some(id) = first.map(|picture| picture.id.clone()).or_else(|| manifest.cover()) {
        out.insert("thumbnail".to_owned(), json!({ "@id": id }));
    }
    let canvases: Vec<Value> = plan.canvases.iter().map(|it| canvas(&base, it)).collect();
    let canvases = if canvases.is_empty() { vec![empty(manifest, &base)] } else { canvases };
    out.insert(
        "sequences".to_owned(),
        json!([{
            "@id": format!("{base}/sequence/normal"),
            "@type": "sc:Sequence",
            "label": "Normal order",
            "canvases": canvases,
        }]),
    );
    if !plan.ranges.is_empty() {
        let mut flat = Vec::new();
        plan.ranges.iter().for_each(|it| range(&base, it, &mut flat));
        out.insert("structures".to_owned(), flat.into());
    }
    Value::Object(out)
}

fn canvas(base: &str, canvas: &Canvas<'_>) -> Value {
    let file = &canvas.name;
    let id = format!("{base}/canvas/{file}");
    let (width, height, picture) = match &canvas.painted {
        Painted::Image(picture) | Painted::Standing(picture) => {
            (picture.width, picture.height, Some(picture))
        }
        Painted::Sound { along: Some(picture), .. } => (picture.width, picture.height, Some(picture)),
        Painted::Sound { along: None, .. } => (STAGE.0, STAGE.1, None),
        Painted::Video { width, height, .. } => (*width, *height, canvas.thumbnail.as_ref()),
        Painted::Closed { width, height, .. } => (*width, *height, None),
    };
    let images: Vec<Value> = picture.into_iter().map(|it| painting(base, &id, file, it)).collect();
    let mut out = Map::from_iter([
        ("@id".to_owned(), json!(id)),
        ("@type".to_owned(), json!("sc:Canvas")),
        ("label".to_owned(), json!(words::inert(&canvas.label))),
        ("width".to_owned(), json!(width)),
        ("height".to_owned(), json!(height)),
        ("images".to_owned(), images.into()),
    ]);
    if let Some(thumbnail) = &canvas.thumbnail {
        out.insert("thumbnail".to_owned(), json!({ "@id": thumbnail.id }));
    }
    let played = match &canvas.painted {
        Painted::Sound { id, format, .. } | Painted::Video { id, format, .. } => {
            Some(json!({ "@id": id, "label": words::inert(&canvas.label), "format": format }))
        }
        _ => None,
    };
    let links = canvas
        .rendering
        .iter()
        .chain(&canvas.download)
        .map(|it| json!({ "@id": it.id, "label": words::inert(&it.label), "format": it.format }));
    let links: Vec<Value> = played.into_iter().chain(links).collect();
    if !links.is_empty() {
        out.insert("rendering".to_owned(), links.into());
    }
    Value::Object(out)
}

/// A sequence has a canvas, too.
fn empty(manifest: &Manifest<'_>, base: &str) -> Value {
    json!({
        "@id": format!("{base}/canvas/none"),
        "@type": "sc:Canvas",
        "label": manifest.nothing(),
        "width": 1,
        "height": 1,
        "images": [],
    })
}

fn painting(base: &str, canvas: &str, file: &str, picture: &Picture) -> Value {
    json!({
        "@id": format!("{base}/annotation/{file}"),
        "@type": "oa:Annotation",
        "motivation": "sc:painting",
        "on": canvas,
        "resource": {
            "@id": picture.id,
            "@type": "dctypes:Image",
            "format": picture.format,
            "width": picture.width,
            "height": picture.height,
        },
    })
}

/// Ranges of 2.1 lie flat and name those in them.
fn range(base: &str, numbered: &Numbered<'_>, flat: &mut Vec<Value>) {
    let id = |number: usize| format!("{base}/range/{number}");
    let mut out = Map::from_iter([
        ("@id".to_owned(), json!(id(numbered.number))),
        ("@type".to_owned(), json!("sc:Range")),
        ("label".to_owned(), json!(words::inert(&numbered.label))),
    ]);
    if !numbered.files.is_empty() {
        let canvases: Vec<String> = numbered.files.iter().map(|it| format!("{base}/canvas/{it}")).collect();
        out.insert("canvases".to_owned(), json!(canvases));
    }
    if !numbered.ranges.is_empty() {
        let inner: Vec<String> = numbered.ranges.iter().map(|it| id(it.number)).collect();
        out.insert("ranges".to_owned(), json!(inner));
    }
    if let Some(first) = numbered.first() {
        out.insert("startCanvas".to_owned(), json!(format!("{base}/canvas/{first}")));
    }
    flat.push(Value::Object(out));
    numbered.ranges.iter().for_each(|it| range(base, it, flat));
}
