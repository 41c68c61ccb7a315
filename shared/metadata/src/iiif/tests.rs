//! Manifests of small representations, as clients see them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vitrine_domain::Timestamp;
use vitrine_domain::bib::RecordFormat;
use vitrine_domain::file::{
    Content, DigitalFile, FileStatus, FullText, MediaFacts, Thumbnail, ThumbnailImage,
};
use vitrine_domain::ids::UserId;
use vitrine_domain::structure::{Range, StructureFields};

use super::{Addresses, Door, Manifest, Shown};
use crate::crosswalk::DublinCore;

const MMS: &str = "991000000000001234";
const REP: &str = "121000000000001234";

fn file(number: u32, name: &str, mime: &str, facts: MediaFacts) -> DigitalFile {
    let side = |long: u32| ThumbnailImage {
        key: "x".into(),
        width: long * 3 / 4,
        height: long,
        mime: "image/jpeg".into(),
        size_bytes: 1,
    };
    let drawn = mime.starts_with("image/") || mime.starts_with("video/") || mime == "application/pdf";
    DigitalFile {
        id: format!("13{number:012}1234").parse().unwrap(),
        representation: REP.parse().unwrap(),
        mms_id: MMS.parse().unwrap(),
        library: "MAIN".parse().unwrap(),
        file_name: name.to_owned(),
        label: name.to_owned(),
        order: Some(number),
        status: FileStatus::Active,
        status_reason: None,
        content: Some(Content {
            key: "k".into(),
            version_id: None,
            size_bytes: 1,
            sha256: "s".into(),
            crc64nvme: "c".into(),
            mime: mime.into(),
        }),
        thumbnail: if drawn {
            Thumbnail::Ready { images: vec![side(200), side(1024)], supplied: false }
        } else {
            Thumbnail::Unsupported { reason: "no way".into() }
        },
        facts,
        fulltext: FullText::default(),
        created_by: UserId::system(),
        created_at: Timestamp::UNIX_EPOCH,
        modified_by: UserId::system(),
        modified_at: Timestamp::UNIX_EPOCH,
        removal: None,
        version: 1,
    }
}

fn sides(width: u32, height: u32) -> MediaFacts {
    MediaFacts { width: Some(width), height: Some(height), ..MediaFacts::default() }
}

fn lasts(ms: u64) -> MediaFacts {
    MediaFacts { duration_ms: Some(ms), ..MediaFacts::default() }
}

fn everything() -> Vec<DigitalFile> {
    vec![
        file(1, "page 1.jpg", "image/jpeg", sides(3000, 4000)),
        file(2, "page 2.tif", "image/tiff", sides(3000, 4000)),
        file(3, "thesis.pdf", "application/pdf", MediaFacts { pages: Some(12), ..MediaFacts::default() }),
        file(4, "talk.mp3", "audio/mpeg", lasts(61_500)),
        file(5, "film.mp4", "video/mp4", MediaFacts { duration_ms: Some(5_000), ..sides(640, 360) }),
        file(6, "film.vtt", "text/vtt", MediaFacts::default()),
        file(7, "film.de.vtt", "text/vtt", MediaFacts::default()),
        file(8, "data.zip", "application/zip", MediaFacts::default()),
        file(9, "notes.txt", "text/plain", MediaFacts::default()),
        file(10, "alone.vtt", "text/vtt", MediaFacts::default()),
        file(11, "odd.mp3", "audio/mpeg", MediaFacts::default()),
    ]
}

fn record() -> DublinCore {
    let mut record = DublinCore::default();
    for (element, value) in [
        ("title", "A voyage"),
        ("creator", "<b>Someone</b>"),
        ("language", "ger"),
        ("description", "About a voyage."),
        ("identifier", "X-1"),
        ("rights", "https://creativecommons.org/licenses/by/4.0/"),
        ("rights", "Scan: the library"),
    ] {
        record.add(element, value);
    }
    record
}

/// What a manifest is made from, owned.
struct Given {
    files: Vec<DigitalFile>,
    structure: Option<StructureFields>,
    shown: Shown<'static>,
    door: Option<Door<'static>>,
    cut: bool,
}

impl Given {
    fn of(files: Vec<DigitalFile>) -> Self {
        let shown = Shown::Files { max_pixels: None, download: true, marked: false };
        Self { files, structure: None, shown, door: None, cut: false }
    }

    fn written(&self, write: impl FnOnce(&Manifest<'_>) -> Value) -> Value {
        write(&Manifest {
            addresses: Addresses { view: "https://vitrine.example/view", institution: "INST" },
            provider: "INST",
            mms_id: &MMS.parse().unwrap(),
            format: RecordFormat::Marc21,
            title: "A voyage",
            record: &record(),
            representation: &REP.parse().unwrap(),
            label: Some("Scan"),
            note: None,
            files: &self.files,
            cut: self.cut,
            structure: self.structure.as_ref(),
            shown: self.shown,
            door: self.door,
        })
    }

    fn v3(&self) -> Value {
        self.written(|manifest| manifest.presentation_3())
    }

    fn v2(&self) -> Value {
        self.written(|manifest| manifest.presentation_2())
    }
}

fn structure() -> StructureFields {
    let id = |n: u32| format!("13{n:012}1234").parse().unwrap();
    let inner = Range { label: "Plates".into(), files: vec![id(2)], ranges: vec![] };
    let gone = Range { label: "Gone since".into(), files: vec![id(99)], ranges: vec![] };
    StructureFields {
        ranges: vec![Range { label: "Text".into(), files: vec![id(1)], ranges: vec![inner] }, gone],
        ..StructureFields::default()
    }
}

/// Every value of a member of that name, at any depth.
fn all<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, inner)| (key == name).then_some(inner).into_iter().chain(all(inner, name)))
            .collect(),
        Value::Array(list) => list.iter().flat_map(|inner| all(inner, name)).collect(),
        _ => vec![],
    }
}

#[test]
fn s5_shows_pictures_sound_film_documents_and_the_rest() {
    let given = Given { structure: Some(structure()), ..Given::of(everything()) };
    insta::assert_json_snapshot!("presentation_3", given.v3());
    insta::assert_json_snapshot!("presentation_2", given.v2());
}

#[test]
fn prs1_ids_are_addresses_each_once_without_query() {
    let found = Given::of(everything()).v3();
    let mut seen = BTreeSet::new();
    for canvas in found["items"].as_array().unwrap() {
        for id in [&canvas["id"], &canvas["items"][0]["id"], &canvas["items"][0]["items"][0]["id"]] {
            let id = id.as_str().unwrap();
            assert!(
                id.starts_with("https://vitrine.example/view/iiif/3/INST/") && !id.contains(['?', '#']),
                "{id}"
            );
            assert!(seen.insert(id.to_owned()), "{id} twice");
        }
    }
    assert_eq!(all(&found, "@context").len(), 1);
}

#[test]
fn prs5_captions_go_with_their_film_and_have_no_canvas() {
    let found = Given::of(everything()).v3();
    let labels: Vec<&str> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["label"]["none"][0].as_str().unwrap())
        .collect();
    assert!(!labels.contains(&"film.vtt") && labels.contains(&"alone.vtt"), "{labels:?}");
    let film = &found["items"][4]["annotations"][0]["items"];
    assert_eq!(film[0]["motivation"], "supplementing");
    assert_eq!(film[0]["body"].get("language"), None);
    assert_eq!(film[1]["body"]["language"], json!(["de"]));
}

#[test]
fn b43_who_is_not_let_in_gets_no_label_no_picture_and_no_chapter_but_the_door() {
    let door = Some(Door { note: "Members only", sign_in: false });
    let shown = Shown::Outline { picture: false };
    let given = Given { shown, door, structure: Some(structure()), ..Given::of(everything()) };
    let found = given.v3();
    let text = found.to_string();
    for hidden in ["page 1", "thesis", "film", "thumbnail", "Plates", "/download"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    assert_eq!(found["@context"][0], "http://iiif.io/api/auth/2/context.json");
    for canvas in found["items"].as_array().unwrap() {
        let service = &canvas["items"][0]["items"][0]["body"]["service"][0];
        assert_eq!(service["type"], "AuthProbeService2");
        let access = &service["service"][0];
        assert_eq!((&access["type"], &access["profile"]), (&json!("AuthAccessService2"), &json!("external")));
        let tokens = access["service"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["type"] == "AuthAccessTokenService2")
            .count();
        assert_eq!(tokens, 1);
    }
    // AUTH-2: where signing in may help, the viewer is told where, and where to sign out.
    let door = Some(Door { note: "Members only", sign_in: true });
    let active = Given { shown, door, ..Given::of(everything()) }.v3();
    let access = &active["items"][0]["items"][0]["items"][0]["body"]["service"][0]["service"][0];
    assert_eq!(access["profile"], "active");
    assert_eq!(access["id"], "https://vitrine.example/view/sign-in");
    let types: Vec<_> = access["service"].as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    assert_eq!(types, ["AuthAccessTokenService2", "AuthLogoutService2"]);
}

#[test]
fn b43_no_id_of_a_file_is_in_a_manifest_for_who_is_not_let_in() {
    let names = |found: &Value| everything().iter().any(|file| found.to_string().contains(file.id.as_str()));
    let door = Some(Door { note: "Members only", sign_in: true });
    for picture in [false, true] {
        for (shown, door) in
            [(Shown::Outline { picture }, door), (Shown::Nothing { note: "Not before 2090.", picture }, None)]
        {
            let given = Given { shown, door, structure: Some(structure()), ..Given::of(everything()) };
            let (third, second) = (given.v3(), given.v2());
            assert!(!names(&third) && !names(&second), "{shown:?}: {third}");
            let cover = format!("https://vitrine.example/view/delivery/thumbnail/INST/{REP}");
            assert_eq!(third["thumbnail"][0]["id"] == json!(cover), picture, "{shown:?}");
            assert_eq!(second["thumbnail"]["@id"] == json!(cover), picture, "{shown:?}");
        }
    }
    // Places are those of the files as they are listed; captions have one and no canvas.
    let outline = Given { shown: Shown::Outline { picture: false }, door, ..Given::of(everything()) }.v3();
    let body = |canvas: usize| outline["items"][canvas]["items"][0]["items"][0]["body"].clone();
    let base = format!("https://vitrine.example/view/iiif/3/INST/{REP}/file");
    assert_eq!((&body(0)["id"], &body(5)["id"]), (&json!(format!("{base}/1")), &json!(format!("{base}/8"))));
    let probe = format!("https://vitrine.example/view/iiif/auth/INST/probe/{REP}/8");
    assert_eq!(body(5)["service"][0]["id"], json!(probe));
    // Where nothing helps there is nothing to ask for, and still a manifest.
    let shown = Shown::Nothing { note: "Not before 2090.", picture: false };
    let nothing = Given { shown, ..Given::of(everything()) };
    let (third, second) = (nothing.v3(), nothing.v2());
    assert!(all(&third, "service").is_empty() && all(&third, "body").is_empty(), "{third}");
    assert_eq!(
        (third["items"].as_array().unwrap().len(), third["summary"]["de"][0].as_str()),
        (1, Some("Not before 2090."))
    );
    assert_eq!(second["sequences"][0]["canvases"].as_array().unwrap().len(), 1);
}

#[test]
fn a13_a_smaller_picture_is_painted_where_the_policy_says_so_and_nothing_is_taken_along() {
    let shown = Shown::Files { max_pixels: Some(1024), download: false, marked: false };
    let found = Given { shown, ..Given::of(everything().drain(..2).collect()) }.v3();
    for canvas in found["items"].as_array().unwrap() {
        let body = &canvas["items"][0]["items"][0]["body"];
        assert!(body["id"].as_str().unwrap().contains("/thumbnail/"), "{body}");
        assert_eq!(body["height"], 1024);
        assert_eq!(canvas.get("rendering"), None);
    }
}

#[test]
fn upright_pages_are_a_book_and_a_representation_without_files_has_a_canvas() {
    let page = |n| file(n, "p.jpg", "image/jpeg", sides(3, 4));
    assert_eq!(Given::of((1..=4).map(page).collect()).v3()["behavior"], json!(["paged"]));
    assert_eq!(Given::of((1..=2).map(page).collect()).v3()["behavior"], json!(["individuals"]));
    assert_eq!(Given::of(vec![]).v3()["items"].as_array().unwrap().len(), 1);
    let cut = Given { cut: true, ..Given::of(vec![page(1)]) }.v3();
    assert!(cut["summary"]["de"][0].as_str().unwrap().ends_with("Only the first 1 files are shown here."));
}
