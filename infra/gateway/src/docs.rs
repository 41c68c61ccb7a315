//! The generated documents: written here, committed under `docs/`, compared by a test.

use std::path::Path;

use anyhow::{Context, Result};

/// Each document's file name and text.
fn documents() -> Result<[(&'static str, String); 4]> {
    let openapi = serde_json::to_string_pretty(&vitrine_http::openapi::document("/almaws/v1"))?;
    Ok([
        ("openapi.json", openapi + "\n"),
        ("roles.md", vitrine_domain::roles::render_table()),
        ("data-model.md", vitrine_store::keys::render_data_model()),
        ("configuration.md", vitrine_runtime::render_configuration()),
    ])
}

pub(crate) fn write(folder: &Path) -> Result<()> {
    for (name, text) in documents()? {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("{} can not be written", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_documents_are_fresh() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        for (name, text) in documents().unwrap() {
            let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(committed == text, "docs/{name} is stale: run `cargo xtask docs`");
        }
    }
}
