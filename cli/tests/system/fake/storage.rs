//! The storage behind signed addresses: takes what was promised, byte for byte.

use super::{Answer, Request, Signed, StoredFile, World, hex, md5, s3_error, sha256};

impl World {
    /// The storage: addresses are good once signed; the key must not come here.
    pub(super) fn storage(&mut self, request: &Request) -> Answer {
        if request.headers.contains_key("authorization") {
            self.complaints.push("the key was sent to the storage".to_owned());
        }
        let token: u64 = request.path.rsplit('/').next().unwrap().parse().unwrap();
        let Some(signed) = self.signed.get(&token).cloned() else { return s3_error(403, "AccessDenied") };
        if matches!(signed, Signed::Report) {
            return Answer {
                status: 200,
                headers: Vec::new(),
                body: b"row,outcome\r\n1,CREATED\r\n".to_vec(),
            };
        }
        if let Signed::Bag { path } = &signed {
            return ranged(&self.bag[path], request.headers.get("range"));
        }
        if request.headers.contains_key("transfer-encoding")
            || !request.headers.contains_key("content-length")
        {
            self.complaints.push("a body without its length".to_owned());
        }
        let bytes = request.body.clone();
        let promised = match &signed {
            Signed::File { sha256, .. } | Signed::Part { sha256, .. } | Signed::UploadPart { sha256, .. } => {
                sha256.clone()
            }
            Signed::Upload { id } => self.uploads[id].sha256.clone(),
            Signed::Report | Signed::Bag { .. } => unreachable!(),
        };
        if request.headers.get("x-amz-checksum-sha256") != Some(&promised) {
            self.complaints.push(format!("{}: the signed header was not sent", request.path));
        }
        if sha256(&bytes) != promised {
            return s3_error(400, "XAmzContentChecksumMismatch");
        }
        let etag = hex(&md5(&bytes));
        match signed {
            Signed::File { ingest, name, size, .. } => {
                if size != bytes.len() as u64 {
                    self.complaints.push(format!("{name}: another size than was promised"));
                }
                let file = StoredFile { bytes, etag: etag.clone() };
                self.ingests.get_mut(&ingest).unwrap().files.insert(name, file);
            }
            Signed::Part { multipart, number, .. } => {
                let Some(open) = self.multiparts.get_mut(&multipart) else {
                    return s3_error(404, "NoSuchUpload");
                };
                open.parts.insert(number, bytes);
            }
            Signed::Upload { id } => {
                let state = if self.reject_uploads { "REJECTED" } else { "REGISTERED" };
                let upload = self.uploads.get_mut(&id).unwrap();
                if upload.bytes.is_some() {
                    return s3_error(412, "PreconditionFailed");
                }
                upload.bytes = Some(bytes);
                upload.state = state;
            }
            Signed::UploadPart { id, number, .. } => {
                self.uploads.get_mut(&id).unwrap().parts.insert(number, bytes);
            }
            Signed::Report | Signed::Bag { .. } => unreachable!(),
        }
        Answer { status: 200, headers: vec![("etag".to_owned(), format!("\"{etag}\""))], body: Vec::new() }
    }
}

/// Bytes from the first that the header names.
fn ranged(bytes: &[u8], range: Option<&String>) -> Answer {
    let Some(range) = range else { return Answer { status: 200, headers: Vec::new(), body: bytes.to_vec() } };
    let from: usize = range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap();
    match bytes.get(from..) {
        None | Some([]) => s3_error(416, "InvalidRange"),
        Some(rest) => Answer { status: 206, headers: Vec::new(), body: rest.to_vec() },
    }
}
