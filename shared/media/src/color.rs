//! From a source's colour space to sRGB.

use moxcms::{ColorProfile, DataColorSpace, Layout as CmsLayout, ParsingOptions, TransformOptions};

use crate::raster::Layout;

/// Larger profiles are ignored: printers' profiles are about 1 to 3 MB.
const MAX_PROFILE_BYTES: usize = 8 << 20;

/// Converts pixels to sRGB, or leaves grey as grey where no profile says otherwise.
///
/// A profile that does not parse or does not fit the pixels is ignored, as every viewer does.
pub(crate) fn to_srgb(layout: Layout, pixels: Vec<u8>, icc: Option<&[u8]>) -> (Layout, Vec<u8>) {
    if let Some(converted) = icc.and_then(|icc| through_profile(layout, &pixels, icc)) {
        return (Layout::Rgb, converted);
    }
    match layout {
        Layout::Gray | Layout::Rgb => (layout, pixels),
        Layout::Cmyk => (Layout::Rgb, cmyk_to_rgb(&pixels)),
    }
}

fn through_profile(layout: Layout, pixels: &[u8], icc: &[u8]) -> Option<Vec<u8>> {
    if icc.len() > MAX_PROFILE_BYTES {
        return None;
    }
    let options = ParsingOptions { max_profile_size: MAX_PROFILE_BYTES, ..ParsingOptions::default() };
    let profile = ColorProfile::new_from_slice_with_options(icc, options).ok()?;
    let (space, from) = match layout {
        Layout::Gray => (DataColorSpace::Gray, CmsLayout::Gray),
        Layout::Rgb => (DataColorSpace::Rgb, CmsLayout::Rgb),
        // moxcms takes CMYK as four plain channels.
        Layout::Cmyk => (DataColorSpace::Cmyk, CmsLayout::Rgba),
    };
    if profile.color_space != space {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(from, &srgb, CmsLayout::Rgb, TransformOptions::default()).ok()?;
    let mut converted = vec![0; pixels.len() / layout.channels() * 3];
    transform.transform(pixels, &mut converted).ok()?;
    Some(converted)
}

/// Mixes inks without a profile, the way viewers do for untagged CMYK.
fn cmyk_to_rgb(pixels: &[u8]) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(pixels.len() / 4 * 3);
    for pixel in pixels.chunks_exact(4) {
        if let &[c, m, y, k] = pixel {
            rgb.extend([c, m, y].map(|ink| multiply(255 - ink, 255 - k)));
        }
    }
    rgb
}

fn multiply(a: u8, b: u8) -> u8 {
    u8::try_from((u32::from(a) * u32::from(b) + 127) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untagged_inks_mix_as_expected() {
        let (layout, rgb) = to_srgb(Layout::Cmyk, vec![0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 255], None);
        assert_eq!((layout, rgb), (Layout::Rgb, vec![255, 0, 0, 255, 255, 255, 0, 0, 0]));
    }

    #[test]
    fn wide_gamut_red_is_brighter_in_srgb() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        let (_, rgb) = to_srgb(Layout::Rgb, vec![200, 50, 50], Some(&p3));
        assert!(rgb[0] > 210 && rgb[1] < 40, "{rgb:?}");
    }

    #[test]
    fn profile_of_another_colour_space_is_ignored() {
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        assert_eq!(to_srgb(Layout::Gray, vec![7], Some(&srgb)), (Layout::Gray, vec![7]));
        assert_eq!(to_srgb(Layout::Rgb, vec![1, 2, 3], Some(b"junk")), (Layout::Rgb, vec![1, 2, 3]));
    }
}
