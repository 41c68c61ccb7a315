//! IIIF Authorization Flow 2.0 in a manifest: the services at which a viewer asks whether it is let in (AUTH-1, AUTH-2).
//!
//! The profile is `active` where signing in may help: the viewer opens our sign-in, which closes its window. Else it is
//! `external`: where a viewer is lets it in or does not, and declaring or taking a seat is done at our own page.

use serde_json::{Value, json};
use vitrine_domain::ids::{FileId, RepId};

/// The context that comes before the one of the manifest.
pub(super) const CONTEXT: &str = "http://iiif.io/api/auth/2/context.json";

impl super::Addresses<'_> {
    fn auth(&self, word: &str, id: &str) -> String {
        format!("{}/iiif/auth/{}/{word}/{id}", self.view, self.institution)
    }

    /// The probe service of a file.
    pub fn probe(&self, file: &FileId) -> String {
        self.auth("probe", file.as_str())
    }

    /// The probe service of the file at a place of a representation.
    pub fn probe_of_place(&self, rep: &RepId, place: usize) -> String {
        format!("{}/{place}", self.auth("probe", rep.as_str()))
    }

    /// The access token service of a representation.
    pub fn token(&self, rep: &RepId) -> String {
        self.auth("token", rep.as_str())
    }
}

/// The probe service of a file with the services in it; `id` is its address.
pub(super) fn probe(manifest: &super::Manifest<'_>, id: &str) -> Option<Value> {
    let addresses = &manifest.addresses;
    let rep = manifest.representation;
    let door = manifest.door?;
    let token = json!({ "id": addresses.token(rep), "type": "AuthAccessTokenService2" });
    let note = json!({ "none": [super::words::inert(door.note)] });
    let access = if door.sign_in {
        json!({
            "id": format!("{}/sign-in", addresses.view),
            "type": "AuthAccessService2",
            "profile": "active",
            "label": { "en": ["Sign in"] },
            "heading": { "en": ["Sign in to see this"] },
            "note": note,
            "confirmLabel": { "en": ["Sign in"] },
            "service": [token, {
                "id": format!("{}/sign-out", addresses.view),
                "type": "AuthLogoutService2",
                "label": { "en": ["Sign out"] },
            }],
        })
    } else {
        json!({
            "type": "AuthAccessService2",
            "profile": "external",
            "label": { "en": ["Access rights"] },
            "note": note,
            "service": [token],
        })
    };
    Some(json!({ "id": id, "type": "AuthProbeService2", "service": [access] }))
}
