//! Where the zips of the functions are, for those who deploy them.

use crate::{Template, vitrine_home};
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Returns the folder of the zips that were built with a profile (`dev` or `release`).
pub fn zips_folder(profile: &str) -> PathBuf {
    vitrine_home().join("functions").join(profile)
}

/// Returns the zip of each function of the template by its code folder, as [`crate::DeployOptions::code`] takes it:
/// from `VITRINE_FUNCTIONS`, or else those that `cargo xtask test` built last.
///
/// # Errors
/// When one is missing.
pub fn function_zips(template: &Template) -> Result<BTreeMap<String, PathBuf>> {
    let folder = std::env::var_os("VITRINE_FUNCTIONS").map_or_else(|| zips_folder("dev"), PathBuf::from);
    let mut zips = BTreeMap::new();
    for code in template.functions().into_values() {
        let name = code.rsplit('/').next().unwrap_or(&code);
        let zip = folder.join(format!("{name}.zip"));
        if !zip.is_file() {
            bail!("no `{}`; `cargo xtask test` builds it", zip.display());
        }
        zips.insert(code, zip);
    }
    Ok(zips)
}
