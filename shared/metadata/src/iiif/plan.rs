//! What becomes of each file in a manifest, for both versions.

use std::collections::{BTreeSet, HashMap};

use vitrine_domain::file::{DigitalFile, ThumbnailImage};
use vitrine_domain::ids::FileId;
use vitrine_domain::rights::watermark::{MARKED_SIDE, UNMARKED_SIDE};
use vitrine_domain::structure::{Behavior, Range, StructureFields, ViewingDirection};

use super::{Manifest, Shown};

/// The sides of the icon that stands where there is no picture.
const ICON: u32 = 256;
/// Pictures that every browser shows as they are.
const SHOWN_BY_BROWSERS: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];
/// From so many upright pages on, a set of pictures is taken for a book unless its structure says otherwise.
const PAGES_OF_A_BOOK: usize = 4;

/// A picture and its sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub id: String,
    pub format: String,
    pub width: u32,
    pub height: u32,
}

/// What is painted on a canvas.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Painted {
    /// The file itself, or a smaller picture of it.
    Image(Picture),
    /// Sound; a picture goes along with it.
    Sound { id: String, format: String, seconds: f64, along: Option<Picture> },
    /// A film.
    Video { id: String, format: String, width: u32, height: u32, seconds: f64 },
    /// A picture that stands for something that viewers do not show: the file is to be opened.
    Standing(Picture),
    /// Nothing: the viewer is not let in, and asks for it by its place among the files, from 1 on.
    Closed { place: usize, width: u32, height: u32 },
}

/// A file that opens elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub id: String,
    pub kind: &'static str,
    pub label: String,
    pub format: String,
}

/// Captions of a film or of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Captions {
    pub file: FileId,
    pub id: String,
    pub label: String,
    pub language: Option<String>,
}

/// One canvas.
#[derive(Debug, Clone)]
pub(super) struct Canvas<'a> {
    pub file: &'a DigitalFile,
    /// What ids of it end with: the file's, where the viewer may know that.
    pub name: String,
    pub label: String,
    pub painted: Painted,
    pub thumbnail: Option<Picture>,
    /// The file itself, where it is not what is painted.
    pub rendering: Option<Link>,
    /// The same, to be saved.
    pub download: Option<Link>,
    pub captions: Vec<Captions>,
}

/// A range, numbered through.
#[derive(Debug, Clone)]
pub(super) struct Numbered<'a> {
    pub number: usize,
    pub label: String,
    pub files: Vec<&'a FileId>,
    pub ranges: Vec<Numbered<'a>>,
}

impl Numbered<'_> {
    /// The first file in it, in reading order.
    pub(super) fn first(&self) -> Option<&FileId> {
        self.files.first().copied().or_else(|| self.ranges.iter().find_map(Numbered::first))
    }
}

/// What a manifest shows.
#[derive(Debug, Clone)]
pub(super) struct Plan<'a> {
    pub canvases: Vec<Canvas<'a>>,
    pub ranges: Vec<Numbered<'a>>,
    pub behavior: &'static str,
    pub direction: &'static str,
}

/// Pairs films and sounds with the files of captions that belong to them: `talk.vtt` and `talk.de.vtt` are captions of
/// `talk.mp4`, the second in German (PRS-5). Each with its language, where its name tells.
pub fn captions_of(files: &[DigitalFile]) -> HashMap<FileId, Vec<(&DigitalFile, Option<String>)>> {
    let played: HashMap<&str, &FileId> = files
        .iter()
        .filter(|file| is_played(mime_of(file)))
        .map(|file| (stem(&file.file_name), &file.id))
        .collect();
    let mut found: HashMap<FileId, Vec<_>> = HashMap::new();
    for file in files.iter().filter(|file| is_captions(file)) {
        let name = stem(&file.file_name);
        let whole = played.get(name).map(|id| (*id, None));
        let cut = name.rsplit_once('.').and_then(|(base, language)| {
            let language = super::words::bcp47(&language.to_ascii_lowercase())?.to_owned();
            played.get(base).map(|id| (*id, Some(language)))
        });
        if let Some((id, language)) = whole.or(cut) {
            found.entry(id.clone()).or_default().push((file, language));
        }
    }
    found
}

fn is_captions(file: &DigitalFile) -> bool {
    mime_of(file) == "text/vtt" || file.file_name.to_ascii_lowercase().ends_with(".vtt")
}

fn is_played(mime: &str) -> bool {
    mime.starts_with("audio/") || mime.starts_with("video/")
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn mime_of(file: &DigitalFile) -> &str {
    file.content.as_ref().map_or("application/octet-stream", |content| content.mime.as_str())
}

pub(super) fn plan<'a>(manifest: &Manifest<'a>) -> Plan<'a> {
    let captions = captions_of(manifest.files);
    let aside: BTreeSet<&FileId> = captions.values().flatten().map(|(file, _)| &file.id).collect();
    let listed = !matches!(manifest.shown, Shown::Nothing { .. });
    let own = manifest.files.iter().enumerate().filter(|(_, file)| listed && !aside.contains(&file.id));
    let canvases: Vec<Canvas<'a>> = own
        .enumerate()
        .map(|(index, (at, file))| {
            let captions = captions.get(&file.id).map_or(&[][..], Vec::as_slice);
            canvas(manifest, file, [index + 1, at + 1], captions)
        })
        .collect();
    let on_canvas: BTreeSet<&FileId> = canvases.iter().map(|canvas| &canvas.file.id).collect();
    let mut number = 0;
    let named = matches!(manifest.shown, Shown::Files { .. });
    let ranges = match manifest.structure {
        // Chapters of what is closed are not told either.
        Some(structure) if named => numbered(&structure.ranges, &on_canvas, &mut number),
        _ => Vec::new(),
    };
    let own: Vec<&DigitalFile> = canvases.iter().map(|canvas| canvas.file).collect();
    let (behavior, direction) = turned(&own, manifest.structure);
    Plan { canvases, ranges, behavior, direction }
}

/// Files that are gone since are left out, and ranges that lead nowhere then.
fn numbered<'a>(ranges: &'a [Range], shown: &BTreeSet<&FileId>, number: &mut usize) -> Vec<Numbered<'a>> {
    let mut found = Vec::with_capacity(ranges.len());
    for range in ranges {
        *number += 1;
        let mine = *number;
        let files: Vec<&FileId> = range.files.iter().filter(|file| shown.contains(file)).collect();
        let inner = numbered(&range.ranges, shown, number);
        if !files.is_empty() || !inner.is_empty() {
            found.push(Numbered { number: mine, label: range.label.clone(), files, ranges: inner });
        }
    }
    found
}

/// How the pages of files are turned, as IIIF names it: behaviour and direction.
pub fn turning(files: &[DigitalFile], structure: Option<&StructureFields>) -> (&'static str, &'static str) {
    turned(&files.iter().collect::<Vec<_>>(), structure)
}

fn turned(files: &[&DigitalFile], structure: Option<&StructureFields>) -> (&'static str, &'static str) {
    let behavior = match structure.and_then(|it| it.behavior).unwrap_or_else(|| behavior_of(files)) {
        Behavior::Paged => "paged",
        Behavior::Continuous => "continuous",
        Behavior::Individuals => "individuals",
    };
    let direction = match structure.and_then(|it| it.viewing_direction) {
        None | Some(ViewingDirection::LeftToRight) => "left-to-right",
        Some(ViewingDirection::RightToLeft) => "right-to-left",
        Some(ViewingDirection::TopToBottom) => "top-to-bottom",
        Some(ViewingDirection::BottomToTop) => "bottom-to-top",
    };
    (behavior, direction)
}

fn behavior_of(files: &[&DigitalFile]) -> Behavior {
    let upright = |file: &&DigitalFile| {
        mime_of(file).starts_with("image/") && {
            let (width, height) = sides(file);
            height >= width
        }
    };
    if files.len() >= PAGES_OF_A_BOOK && files.iter().all(upright) {
        Behavior::Paged
    } else {
        Behavior::Individuals
    }
}

/// The sides of a file; those of its picture where they are not known; those of its icon where there is none.
fn sides(file: &DigitalFile) -> (u32, u32) {
    match (file.facts.width, file.facts.height) {
        (Some(width), Some(height)) if width > 0 && height > 0 => (width, height),
        _ => file
            .thumbnail
            .image_for(u32::MAX)
            .map_or((ICON, ICON), |image| (image.width.max(1), image.height.max(1))),
    }
}

fn canvas<'a>(
    manifest: &Manifest<'a>,
    file: &'a DigitalFile,
    [number, place]: [usize; 2],
    captions: &[(&'a DigitalFile, Option<String>)],
) -> Canvas<'a> {
    let addresses = &manifest.addresses;
    let picture = |image: &ThumbnailImage| Picture {
        id: addresses.picture(&file.id, image.width.max(image.height)),
        format: image.mime.clone(),
        width: image.width.max(1),
        height: image.height.max(1),
    };
    let small = file.thumbnail.image_for(200).map(picture);
    let large = file.thumbnail.image_for(u32::MAX).map(picture);
    let (max_pixels, download) = match manifest.shown {
        Shown::Files { max_pixels, download, marked: true } => {
            return marked_canvas(manifest, file, max_pixels, download, small);
        }
        Shown::Files { max_pixels, download, marked: false } => (max_pixels, download),
        Shown::Outline { .. } | Shown::Nothing { .. } => {
            let (width, height) = sides(file);
            return Canvas {
                file,
                name: format!("place-{place}"),
                label: number.to_string(),
                painted: Painted::Closed { place, width, height },
                thumbnail: None,
                rendering: None,
                download: None,
                captions: Vec::new(),
            };
        }
    };
    let mime = mime_of(file);
    let content = addresses.content(&file.id);
    let link =
        |id: String| Link { id, kind: kind_of(mime), label: file.label.clone(), format: mime.to_owned() };
    let standing = |picture: Option<Picture>| {
        Painted::Standing(picture.unwrap_or_else(|| Picture {
            id: addresses.thumbnail(file.id.as_str()),
            format: "image/png".to_owned(),
            width: ICON,
            height: ICON,
        }))
    };
    let seconds = file.facts.duration_ms.filter(|ms| *ms > 0).map(|ms| ms as f64 / 1000.0);
    let full = (file.facts.width, file.facts.height);
    let painted = match (mime, full, seconds) {
        (mime, (Some(width), Some(height)), _)
            if SHOWN_BY_BROWSERS.contains(&mime)
                && width.min(height) > 0
                && max_pixels.is_none_or(|most| width.max(height) <= most) =>
        {
            Painted::Image(Picture { id: content.clone(), format: mime.to_owned(), width, height })
        }
        (mime, ..) if mime.starts_with("image/") => match large.clone() {
            Some(picture) => Painted::Image(picture),
            None => standing(None),
        },
        (mime, _, Some(seconds)) if mime.starts_with("audio/") => {
            Painted::Sound { id: content.clone(), format: mime.to_owned(), seconds, along: large.clone() }
        }
        (mime, (Some(width), Some(height)), Some(seconds))
            if mime.starts_with("video/") && width.min(height) > 0 =>
        {
            Painted::Video { id: content.clone(), format: mime.to_owned(), width, height, seconds }
        }
        _ => standing(large.clone()),
    };
    let whole = max_pixels.is_none() || !mime.starts_with("image/");
    let rendering = (matches!(painted, Painted::Standing(_)) && whole).then(|| link(content));
    let download = (download && whole).then(|| link(addresses.download(&file.id)));
    let captions = captions
        .iter()
        .map(|(file, language)| Captions {
            file: file.id.clone(),
            id: addresses.content(&file.id),
            label: file.label.clone(),
            language: language.clone(),
        })
        .collect();
    let (name, label) = (file.id.to_string(), file.label.clone());
    Canvas { file, name, label, painted, thumbnail: small, rendering, download, captions }
}

/// The sides that fit `most` on the long side, never larger than they are.
pub fn fitted(width: u32, height: u32, most: u32) -> (u32, u32) {
    let long = u64::from(width.max(height));
    let most = u64::from(most);
    let side = |side: u32| match long > most {
        true => u32::try_from((u64::from(side) * most + long / 2) / long).unwrap_or(side).max(1),
        false => side,
    };
    (side(width), side(height))
}

/// A canvas of what is seen with a mark on it alone (A14). Everything leads to the door that marks; the one picture without a
/// mark is the small thumbnail.
fn marked_canvas<'a>(
    manifest: &Manifest<'a>,
    file: &'a DigitalFile,
    max_pixels: Option<u32>,
    download: bool,
    small: Option<Picture>,
) -> Canvas<'a> {
    let (addresses, mime) = (&manifest.addresses, mime_of(file));
    let thumbnail = small.filter(|it| it.width.max(it.height) <= UNMARKED_SIDE);
    let (width, height) = sides(file);
    let (width, height) = fitted(width, height, max_pixels.unwrap_or(MARKED_SIDE));
    let content = addresses.content(&file.id);
    let standing = Painted::Standing(thumbnail.clone().unwrap_or_else(|| Picture {
        id: addresses.thumbnail(file.id.as_str()),
        format: "image/png".to_owned(),
        width: ICON,
        height: ICON,
    }));
    let picture = max_pixels.is_some() || mime.starts_with("image/");
    let given = match mime {
        "application/pdf" => true,
        mime => mime.starts_with("image/"),
    };
    let format = if picture { "image/jpeg" } else { mime };
    let link =
        |id: String| Link { id, kind: kind_of(format), label: file.label.clone(), format: format.to_owned() };
    let painted = match given && picture {
        true => Painted::Image(Picture { id: content.clone(), format: format.to_owned(), width, height }),
        false => standing,
    };
    let rendering = (given && !picture).then(|| link(content));
    let download = (given && download).then(|| link(addresses.download(&file.id)));
    let (name, label) = (file.id.to_string(), file.label.clone());
    Canvas { file, name, label, painted, thumbnail, rendering, download, captions: Vec::new() }
}

/// The class of a resource that opens elsewhere (PRS-4).
pub(super) fn kind_of(mime: &str) -> &'static str {
    match mime.split('/').next() {
        Some("image") => "Image",
        Some("audio") => "Sound",
        Some("video") => "Video",
        Some("text") => "Text",
        Some("model") => "Model",
        _ => match mime {
            "application/pdf" | "application/epub+zip" | "application/msword" | "application/rtf" => "Text",
            mime if mime.contains("document") || mime.contains("presentation") => "Text",
            _ => "Dataset",
        },
    }
}
