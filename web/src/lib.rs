//! The viewer's assets, built by Vite into `dist/` and carried by the program that serves them: one mechanism for the function,
//! the gateway on a laptop and the tests. A program that serves no page does not carry them.
//!
//! Every name but PDF.js's own changes with its content, and those lie in a folder that is named after their version, so all may
//! be remembered for ever.

/// A file that a page loads.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its bytes, compressed where `gzip` says so.
    pub bytes: &'static [u8],
    /// Its MIME type.
    pub mime: &'static str,
    /// Whether the bytes are compressed.
    pub gzip: bool,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The asset of that name.
pub fn asset(name: &str) -> Option<&'static Asset> {
    let at = ASSETS.binary_search_by(|(found, _)| (*found).cmp(name)).ok()?;
    ASSETS.get(at).map(|(_, asset)| asset)
}

/// The script that the page loads; `None` where the viewer was not built.
pub fn script() -> Option<&'static str> {
    SCRIPT
}

/// The icon of the page; `None` where the viewer was not built.
pub fn icon() -> Option<&'static str> {
    ICON
}

/// The styles that the page loads.
pub fn styles() -> &'static [&'static str] {
    STYLES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_and_the_page_names_only_what_is_there() {
        for (name, found) in ASSETS {
            assert!(!found.bytes.is_empty() && asset(name).is_some(), "{name}");
        }
        assert!(
            script()
                .into_iter()
                .chain(icon())
                .chain(styles().iter().copied())
                .all(|name| asset(name).is_some())
        );
        assert!(asset("../Cargo.toml").is_none());
    }
}
