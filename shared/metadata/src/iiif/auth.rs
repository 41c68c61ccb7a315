//! IIIF Authorization Flow 2.0 in a manifest: the services at which a viewer asks whether it is let in (AUTH-1, AUTH-2).

use serde_json::{Value, json};
use vitrine_domain::ids::{FileId, RepId};

/// The context that comes before the one of the manifest.
pub(super) const CONTEXT: &str = "http://iiif.io/api/auth/2/context.json";

/// How a viewer may be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door<'a> {
    /// By what a person does in a window: sign in, accept a declaration, take a seat.
    Active {
        /// What stands at the head of the window.
        heading: &'a str,
        /// What the person is told.
        note: &'a str,
    },
    /// By where the viewer is; nothing is to be done.
    External {
        /// What the person is told where that does not help.
        note: &'a str,
    },
}

impl super::Addresses<'_> {
    fn auth(&self, word: &str, id: &str) -> String {
        format!("{}/iiif/auth/{}/{word}/{id}", self.view, self.institution)
    }

    /// The probe service of a file.
    pub fn probe(&self, file: &FileId) -> String {
        self.auth("probe", file.as_str())
    }

    /// The access service of a representation.
    pub fn access(&self, rep: &RepId) -> String {
        self.auth("access", rep.as_str())
    }

    /// The access token service of a representation.
    pub fn token(&self, rep: &RepId) -> String {
        self.auth("token", rep.as_str())
    }

    /// The logout service of a representation.
    pub fn logout(&self, rep: &RepId) -> String {
        self.auth("logout", rep.as_str())
    }
}

/// The probe service of a file with the services in it.
pub(super) fn probe(manifest: &super::Manifest<'_>, file: &FileId) -> Option<Value> {
    let addresses = &manifest.addresses;
    let rep = manifest.representation;
    let token = json!({ "id": addresses.token(rep), "type": "AuthAccessTokenService2" });
    let access = match manifest.door? {
        Door::Active { heading, note } => json!({
            "id": addresses.access(rep),
            "type": "AuthAccessService2",
            "profile": "active",
            "label": { "en": [heading] },
            "heading": { "en": [heading] },
            "note": { "none": [super::words::inert(note)] },
            "confirmLabel": { "en": ["Continue"] },
            "service": [token, {
                "id": addresses.logout(rep),
                "type": "AuthLogoutService2",
                "label": { "en": ["End this session"] },
            }],
        }),
        Door::External { note } => json!({
            "type": "AuthAccessService2",
            "profile": "external",
            "label": { "en": ["Access from certain networks"] },
            "note": { "none": [super::words::inert(note)] },
            "service": [token],
        }),
    };
    Some(json!({ "id": addresses.probe(file), "type": "AuthProbeService2", "service": [access] }))
}
