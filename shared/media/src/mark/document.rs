//! A PDF with a mark on every page, written anew.
//!
//! Each page becomes a drawing on a page of ours, and the mark lies over it; its letters stay text, so that whoever looks for
//! the name in the document finds it. Nothing is appended to the source, or whoever cuts the end off would have it back, and
//! what is not on a page - attached files, scripts, forms, links, earlier versions - does not come along.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro_write::{ChunkSettings, ExtractionQuery, extract};
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, TextRenderingMode, UnicodeCmap};
use pdf_writer::{Chunk, Content, Filter, Finish, Name, Rect, Ref, Str};
use subsetter::GlyphRemapper;

use super::font::{Font, Letter};
use super::layout::{Layout, lay_out};
use crate::draw::{Result, Source, broken, over_limit, unsupported};
use crate::request::{MAX_MARKED_BYTES, MAX_MARKED_PAGES};

/// The smallest letters that can be read, in points.
const FLOOR: f32 = 7.0;
/// How much of the ground the letters and their edge cover.
const OPACITY: f32 = 0.4;
/// How wide the edge is, in font sizes.
const EDGE: f32 = 0.04;
/// The longest side of a page, in points (ISO 32000-1, Annex C): where one is longer, something is wrong.
const MAX_SIDE: f32 = 14_400.0;

const FONT: Name<'static> = Name(b"MarkFont");
const STATE: Name<'static> = Name(b"MarkState");
const PAGE: Name<'static> = Name(b"Page");
const MARK: Name<'static> = Name(b"Mark");
const FONT_NAME: Name<'static> = Name(b"VITRNE+Ubuntu-Light");

/// Writes the document with a mark on every page.
pub(super) fn mark(source: &Source, font: &Font, letters: &[Letter]) -> Result<Vec<u8>> {
    let bytes = source.read_all()?;
    if bytes.len() as u64 > MAX_MARKED_BYTES {
        return Err(over_limit(format!("document of {} bytes", bytes.len())));
    }
    // What its maker closed is not opened, even where the password is empty.
    if bytes.windows(8).any(|word| word == b"/Encrypt") {
        return Err(unsupported("document is encrypted"));
    }
    let pdf = Pdf::new(Arc::new(bytes)).map_err(|error| match error {
        LoadPdfError::Decryption(_) => unsupported("document is protected by a password"),
        error => broken(format!("{error:?}")),
    })?;
    let marked = Writer::new(font, letters).write(&pdf)?;
    let pages = pdf.pages().len();
    drop(pdf);
    let (marked, again) = reread(marked)?;
    // What we can not read ourselves is not given to anybody.
    if again != pages {
        return Err(broken(format!("{again} pages were written of {pages}")));
    }
    Ok(marked)
}

fn reread(marked: Vec<u8>) -> Result<(Vec<u8>, usize)> {
    let marked = Arc::new(marked);
    let pages = match Pdf::new(marked.clone()) {
        Ok(pdf) => pdf.pages().len(),
        Err(error) => return Err(broken(format!("marked document: {error:?}"))),
    };
    Ok((Arc::unwrap_or_clone(marked), pages))
}

struct Writer<'a> {
    font: &'a Font,
    letters: &'a [Letter],
    next: Ref,
    glyphs: GlyphRemapper,
}

impl<'a> Writer<'a> {
    fn new(font: &'a Font, letters: &'a [Letter]) -> Self {
        let mut glyphs = GlyphRemapper::new();
        for letter in letters {
            glyphs.remap(letter.glyph);
        }
        Self { font, letters, next: Ref::new(1), glyphs }
    }

    fn write(mut self, pdf: &Pdf) -> Result<Vec<u8>> {
        let sides = sides(pdf)?;
        let catalog = self.next.bump();
        let queries: Vec<_> = (0..sides.len()).map(ExtractionQuery::new_xobject).collect();
        let mut next = self.next;
        let extracted = extract(pdf, Box::new(|| next.bump()), ChunkSettings::default(), &queries)
            .map_err(|error| broken(format!("{error:?}")))?;
        self.next = next;
        let mut out = pdf_writer::Pdf::with_capacity(extracted.chunk.len() + (1 << 16));
        out.extend(&extracted.chunk);
        drop(extracted.chunk);

        let (font, state) = (self.next.bump(), self.next.bump());
        out.extend(&self.font_objects(font)?);
        out.ext_graphics(state).non_stroking_alpha(OPACITY).stroking_alpha(OPACITY);
        let mut marks: HashMap<(u32, u32), Ref> = HashMap::new();
        let parent = extracted.page_tree_parent_ref;
        let mut kids = Vec::with_capacity(sides.len());
        for (page, (width, height)) in extracted.root_refs.into_iter().zip(sides) {
            let page = page.map_err(|error| broken(format!("{error:?}")))?;
            // Pages of a book have one size, and so one mark.
            let mark = match marks.get(&(width.to_bits(), height.to_bits())) {
                Some(mark) => *mark,
                None => {
                    let mark = self.next.bump();
                    out.extend(&self.mark_object(mark, font, state, (width, height))?);
                    marks.insert((width.to_bits(), height.to_bits()), mark);
                    mark
                }
            };
            let (id, contents) = (self.next.bump(), self.next.bump());
            let mut drawn = Content::new();
            drawn.save_state().x_object(PAGE).restore_state().save_state().x_object(MARK).restore_state();
            out.stream(contents, &drawn.finish());
            let mut written = out.page(id);
            written.media_box(Rect::new(0.0, 0.0, width, height)).parent(parent).contents(contents);
            let mut resources = written.resources();
            resources.x_objects().pair(PAGE, page).pair(MARK, mark);
            resources.finish();
            written.finish();
            kids.push(id);
        }
        let count = i32::try_from(kids.len()).map_err(over_limit)?;
        out.pages(parent).kids(kids).count(count);
        out.catalog(catalog).pages(parent);
        Ok(out.finish())
    }

    /// The mark of pages of one size, as a drawing.
    fn mark_object(&self, id: Ref, font: Ref, state: Ref, (width, height): (f32, f32)) -> Result<Chunk> {
        let layout = lay_out(self.letters, width, height, FLOOR);
        let drawn = deflated(&self.written(&layout))?;
        let mut chunk = Chunk::new();
        let mut form = chunk.form_xobject(id, &drawn);
        form.filter(Filter::FlateDecode);
        form.bbox(Rect::new(0.0, 0.0, width, height));
        let mut resources = form.resources();
        resources.fonts().pair(FONT, font);
        resources.ext_g_states().pair(STATE, state);
        resources.finish();
        form.finish();
        Ok(chunk)
    }

    fn written(&self, layout: &Layout) -> Vec<u8> {
        let mut drawn = Content::new();
        drawn.save_state().set_parameters(STATE).set_fill_gray(1.0).set_stroke_gray(0.0).begin_text();
        drawn.set_text_rendering_mode(TextRenderingMode::FillStroke);
        let mut size = 0.0;
        for place in &layout.places {
            if place.size.to_bits() != f32::to_bits(size) {
                size = place.size;
                drawn.set_font(FONT, size).set_line_width(size * EDGE);
            }
            let Some(line) = layout.lines.get(place.line) else { continue };
            let glyphs = line.iter().filter_map(|letter| self.glyphs.get(letter.glyph));
            let said: Vec<u8> = glyphs.flat_map(u16::to_be_bytes).collect();
            let ((cos, sin), (x, y)) = (place.slope, place.at);
            drawn.set_text_matrix([cos, sin, -sin, cos, x, y]).show(Str(&said));
        }
        drawn.end_text().restore_state();
        drawn.finish().into_vec()
    }

    /// The font: the glyphs that are written, how wide they are, and which characters they stand for.
    fn font_objects(&mut self, id: Ref) -> Result<Chunk> {
        let [cid, descriptor, unicode, data] = std::array::from_fn(|_| self.next.bump());
        let system = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
        let mut widths = BTreeMap::new();
        let mut characters = UnicodeCmap::new(Name(b"Mark"), system);
        for letter in self.letters {
            if let Some(glyph) = self.glyphs.get(letter.glyph)
                && widths.insert(glyph, letter.advance * 1000.0).is_none()
            {
                characters.pair(glyph, letter.character);
            }
        }
        let [ascent, descent, capitals] = self.font.heights();
        let file = self.font.subset(&self.glyphs)?;
        let (packed, characters) = (deflated(&file)?, characters.finish().into_vec());

        let mut chunk = Chunk::new();
        chunk
            .type0_font(id)
            .base_font(FONT_NAME)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(unicode);
        let mut described = chunk.cid_font(cid);
        described.subtype(CidFontType::Type2).base_font(FONT_NAME).system_info(system);
        described.font_descriptor(descriptor).default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
        let mut list = described.widths();
        for (glyph, width) in widths {
            list.consecutive(glyph, [width]);
        }
        list.finish();
        described.finish();
        chunk
            .font_descriptor(descriptor)
            .name(FONT_NAME)
            .flags(FontFlags::NON_SYMBOLIC)
            .bbox(Rect::new(-500.0, descent, 2000.0, ascent))
            .italic_angle(0.0)
            .ascent(ascent)
            .descent(descent)
            .cap_height(capitals)
            .stem_v(60.0)
            .font_file2(data);
        chunk.cmap(unicode, &characters);
        let length = i32::try_from(file.len()).map_err(over_limit)?;
        chunk.stream(data, &packed).filter(Filter::FlateDecode).pair(Name(b"Length1"), length);
        Ok(chunk)
    }
}

/// The sides of every page as it is seen, in points.
fn sides(pdf: &Pdf) -> Result<Vec<(f32, f32)>> {
    let pages = pdf.pages();
    match pages.len() {
        0 => return Err(broken("document without pages")),
        pages if pages > MAX_MARKED_PAGES as usize => {
            return Err(over_limit(format!("document of {pages} pages")));
        }
        _ => {}
    }
    let good = |side: f32| side.is_finite() && side > 0.0 && side <= MAX_SIDE;
    let sides = pages.iter().map(|page| page.render_dimensions());
    let sides: Vec<_> = sides.filter(|(width, height)| good(*width) && good(*height)).collect();
    if sides.len() == pages.len() { Ok(sides) } else { Err(broken("page without a size")) }
}

fn deflated(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
