//! Presentation 3.0 (PRS-1 to PRS-11).

use serde_json::{Map, Value, json};

use super::plan::{Canvas, Captions, Link, Numbered, Painted, Picture, kind_of, plan};
use super::{Manifest, auth, words};
use vitrine_domain::bib::RecordFormat;

const CONTEXT: &str = "http://iiif.io/api/presentation/3/context.json";

pub(super) fn manifest(manifest: &Manifest<'_>) -> Value {
    let plan = plan(manifest);
    let base = manifest.addresses.thing(manifest.representation);
    let context = match manifest.door {
        Some(_) => json!([auth::CONTEXT, CONTEXT]),
        None => json!(CONTEXT),
    };
    let language = manifest.language();
    let mut out = object(json!({
        "@context": context,
        "id": manifest.addresses.manifest_3(manifest.representation),
        "type": "Manifest",
        "label": words::in_language(language, &manifest.name()),
        "metadata": metadata(manifest),
        "provider": [provider(manifest)],
        "homepage": [{
            "id": manifest.addresses.page(manifest.representation.as_str()),
            "type": "Text",
            "label": words::in_language(language, manifest.title),
            "format": "text/html",
        }],
        "seeAlso": see_also(manifest),
        "behavior": [plan.behavior],
        "viewingDirection": plan.direction,
    }));
    if let Some(summary) = manifest.summary() {
        out.insert("summary".into(), words::in_language(language, &summary));
    }
    let rights = words::rights(manifest.record);
    if let Some(uri) = rights.uri {
        out.insert("rights".into(), uri.into());
    }
    if !rights.statements.is_empty() {
        let values: Vec<String> = rights.statements.iter().map(|it| words::inert(it)).collect();
        let statement = json!({ "label": words::english("Rights"), "value": { "none": values } });
        out.insert("requiredStatement".into(), statement);
    }
    let first = plan.canvases.iter().find_map(|canvas| canvas.thumbnail.as_ref());
    let cover = || manifest.cover().map(|id| json!({ "id": id, "type": "Image" }));
    if let Some(picture) = first.map(image).or_else(cover) {
        out.insert("thumbnail".into(), json!([picture]));
    }
    let canvases: Vec<Value> = plan.canvases.iter().map(|it| canvas(manifest, &base, it)).collect();
    let canvases = if canvases.is_empty() { vec![empty(manifest, &base)] } else { canvases };
    out.insert("items".into(), canvases.into());
    if !plan.ranges.is_empty() {
        out.insert("structures".into(), plan.ranges.iter().map(|it| range(&base, it)).collect());
    }
    Value::Object(out)
}

/// An object that more is put into.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn metadata(manifest: &Manifest<'_>) -> Value {
    let line = |(label, values): (&str, Vec<&str>)| {
        let values: Vec<String> = values.into_iter().map(words::inert).collect();
        json!({ "label": words::english(label), "value": { "none": values } })
    };
    words::lines(manifest.record).into_iter().map(line).collect()
}

fn provider(manifest: &Manifest<'_>) -> Value {
    let label = words::plain(manifest.provider);
    let home =
        json!({ "id": manifest.addresses.view, "type": "Text", "label": label, "format": "text/html" });
    json!({ "id": manifest.addresses.view, "type": "Agent", "label": label, "homepage": [home] })
}

fn see_also(manifest: &Manifest<'_>) -> Value {
    let mut formats = vec![manifest.format];
    if manifest.format != RecordFormat::DublinCore {
        formats.push(RecordFormat::DublinCore);
    }
    let one = |format: RecordFormat| {
        let (label, profile) = match format {
            RecordFormat::Marc21 => ("MARCXML", "http://www.loc.gov/MARC21/slim"),
            RecordFormat::DublinCore => ("Dublin Core", "http://www.openarchives.org/OAI/2.0/oai_dc/"),
            RecordFormat::QualifiedDublinCore => ("Qualified Dublin Core", "http://purl.org/dc/terms/"),
            RecordFormat::Mods => ("MODS", "http://www.loc.gov/mods/v3"),
        };
        json!({
            "id": manifest.addresses.record(manifest.mms_id, format),
            "type": "Dataset",
            "label": words::english(label),
            "format": "application/xml",
            "profile": profile,
        })
    };
    formats.into_iter().map(one).collect()
}

fn image(picture: &Picture) -> Value {
    json!({
        "id": picture.id,
        "type": "Image",
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
    })
}

fn canvas(manifest: &Manifest<'_>, base: &str, canvas: &Canvas<'_>) -> Value {
    let file = &canvas.name;
    let id = format!("{base}/canvas/{file}");
    let mut out = object(json!({ "id": id, "type": "Canvas", "label": words::plain(&canvas.label) }));
    let (sides, seconds) = match &canvas.painted {
        Painted::Image(picture) | Painted::Standing(picture) => (Some((picture.width, picture.height)), None),
        Painted::Sound { seconds, .. } => (None, Some(*seconds)),
        Painted::Video { width, height, seconds, .. } => (Some((*width, *height)), Some(*seconds)),
        Painted::Closed { width, height, .. } => (Some((*width, *height)), None),
    };
    if let Some((width, height)) = sides {
        out.insert("width".into(), width.into());
        out.insert("height".into(), height.into());
    }
    if let Some(seconds) = seconds {
        out.insert("duration".into(), seconds.into());
    }
    if let Some(thumbnail) = &canvas.thumbnail {
        out.insert("thumbnail".into(), json!([image(thumbnail)]));
    }
    let page = json!({
        "id": format!("{base}/page/{file}"),
        "type": "AnnotationPage",
        "items": [{
            "id": format!("{base}/annotation/{file}"),
            "type": "Annotation",
            "motivation": "painting",
            "target": id,
            "body": painting(manifest, canvas),
        }],
    });
    out.insert("items".into(), json!([page]));
    if let Painted::Sound { along: Some(picture), .. } = &canvas.painted {
        out.insert("accompanyingCanvas".into(), accompanying(base, canvas, picture));
    }
    let links: Vec<Value> = canvas
        .rendering
        .iter()
        .chain(&canvas.download)
        .map(|link| rendering(manifest, canvas, link))
        .collect();
    if !links.is_empty() {
        out.insert("rendering".into(), links.into());
    }
    if !canvas.captions.is_empty() {
        let items: Vec<Value> = canvas.captions.iter().map(|it| captions(manifest, base, &id, it)).collect();
        let page =
            json!({ "id": format!("{base}/captions/{file}"), "type": "AnnotationPage", "items": items });
        out.insert("annotations".into(), json!([page]));
    }
    Value::Object(out)
}

fn painting(manifest: &Manifest<'_>, canvas: &Canvas<'_>) -> Value {
    let mut body = object(match &canvas.painted {
        Painted::Image(picture) | Painted::Standing(picture) => image(picture),
        Painted::Sound { id, format, seconds, .. } => {
            json!({ "id": id, "type": "Sound", "format": format, "duration": seconds })
        }
        Painted::Video { id, format, width, height, seconds } => json!({
            "id": id, "type": "Video", "format": format, "width": width, "height": height, "duration": seconds,
        }),
        // What is closed is named all the same, so that a viewer finds the door at which to ask (AUTH-1).
        Painted::Closed { place, width, height } => closed(manifest, canvas, *place, *width, *height),
    });
    let is_picture_beside = matches!(&canvas.painted, Painted::Standing(_));
    if !is_picture_beside {
        add_probe(manifest, canvas, &mut body);
    }
    Value::Object(body)
}

fn closed(manifest: &Manifest<'_>, canvas: &Canvas<'_>, place: usize, width: u32, height: u32) -> Value {
    let mime =
        canvas.file.content.as_ref().map_or("application/octet-stream", |content| content.mime.as_str());
    let id = manifest.addresses.place(manifest.representation, place);
    match kind_of(mime) {
        kind @ ("Image" | "Video") => {
            json!({ "id": id, "type": kind, "format": mime, "width": width, "height": height })
        }
        kind => json!({ "id": id, "type": kind, "format": mime }),
    }
}

fn add_probe(manifest: &Manifest<'_>, canvas: &Canvas<'_>, body: &mut Map<String, Value>) {
    let addresses = &manifest.addresses;
    let id = match &canvas.painted {
        Painted::Closed { place, .. } => addresses.probe_of_place(manifest.representation, *place),
        _ => addresses.probe(&canvas.file.id),
    };
    if let Some(probe) = auth::probe(manifest, &id) {
        body.insert("service".into(), json!([probe]));
    }
}

fn rendering(manifest: &Manifest<'_>, canvas: &Canvas<'_>, link: &Link) -> Value {
    let mut out = object(json!({
        "id": link.id,
        "type": link.kind,
        "label": words::plain(&link.label),
        "format": link.format,
    }));
    add_probe(manifest, canvas, &mut out);
    Value::Object(out)
}

fn captions(manifest: &Manifest<'_>, base: &str, canvas: &str, captions: &Captions) -> Value {
    let mut body = object(json!({
        "id": captions.id,
        "type": "Text",
        "format": "text/vtt",
        "label": words::plain(&captions.label),
    }));
    if let Some(language) = &captions.language {
        body.insert("language".into(), json!([language]));
    }
    if let Some(probe) = auth::probe(manifest, &manifest.addresses.probe(&captions.file)) {
        body.insert("service".into(), json!([probe]));
    }
    json!({
        "id": format!("{base}/annotation/{}", captions.file),
        "type": "Annotation",
        "motivation": "supplementing",
        "target": canvas,
        "body": body,
    })
}

fn accompanying(base: &str, canvas: &Canvas<'_>, picture: &Picture) -> Value {
    let id = format!("{base}/wave/{}", canvas.file.id);
    json!({
        "id": id,
        "type": "Canvas",
        "width": picture.width,
        "height": picture.height,
        "items": [{
            "id": format!("{id}/page"),
            "type": "AnnotationPage",
            "items": [{
                "id": format!("{id}/annotation"),
                "type": "Annotation",
                "motivation": "painting",
                "target": id,
                "body": image(picture),
            }],
        }],
    })
}

/// A manifest has a canvas, even of a representation without files, or without any that is shown.
fn empty(manifest: &Manifest<'_>, base: &str) -> Value {
    json!({
        "id": format!("{base}/canvas/none"),
        "type": "Canvas",
        "label": words::english(manifest.nothing()),
        "width": 1,
        "height": 1,
        "items": [],
    })
}

fn range(base: &str, numbered: &Numbered<'_>) -> Value {
    let canvases =
        numbered.files.iter().map(|file| json!({ "id": format!("{base}/canvas/{file}"), "type": "Canvas" }));
    let items: Vec<Value> = canvases.chain(numbered.ranges.iter().map(|it| range(base, it))).collect();
    json!({
        "id": format!("{base}/range/{}", numbered.number),
        "type": "Range",
        "label": words::plain(&numbered.label),
        "items": items,
    })
}
