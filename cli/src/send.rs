//! Sends the bytes of one file, or of one part of it, until they are there.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use indicatif::ProgressBar;

use crate::api::{Api, Repeats, Sent};
use crate::digest;
use crate::failure::Failure;
use crate::progress::{Counted, Progress};
use crate::terminal::plain;
use crate::walk::Local;
use crate::wire::Signed;

/// How often an address may be refused in a row: a signature that is wrong from the start never becomes right.
const MAX_STALE: u32 = 3;

/// How the sending of a whole file ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Whole {
    /// It is there, with this ETag.
    Taken(Option<String>),
    /// It changed on the disk meanwhile; what was sent is not what was promised.
    Changed,
    /// Something was there before.
    Occupied,
}

/// What bytes of which file go out.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    pub local: &'a Local,
    pub from: u64,
    pub length: u64,
}

/// Asks for an address; `None` when there is nothing left to send.
pub type Sign<'a> = dyn Fn() -> Result<Option<Signed>, Failure> + 'a;

/// Sends a whole file; `sign` asks for another address when the first is used up.
///
/// # Errors
/// A file that can not be read; storage that does not take it, or does not answer.
pub fn whole(
    api: &Api,
    progress: &Progress,
    local: &Local,
    first: Option<Signed>,
    sign: &Sign<'_>,
) -> Result<Whole, Failure> {
    let piece = Piece { local, from: 0, length: local.size };
    let sent = piece.send(api, progress, None, first, sign)?;
    Ok(match sent {
        // Bytes that changed while they were read are refused by their checksum, or caught here.
        _ if !local.is_unchanged() => Whole::Changed,
        Some(etag) => Whole::Taken(etag),
        None => Whole::Occupied,
    })
}

/// Sends one part of a file; `sign` gets its SHA-256.
///
/// # Errors
/// As of [`whole`]; a file that changed meanwhile.
pub fn part(
    api: &Api,
    progress: &Progress,
    bar: Option<&ProgressBar>,
    piece: Piece<'_>,
    sign: &dyn Fn(&str) -> Result<Signed, Failure>,
) -> Result<(), Failure> {
    let local = piece.local;
    let sha256 = digest::sha256(&local.path, piece.from, piece.length, &mut |_| {})
        .map_err(|error| Failure::local(&local.path, "read", &error))?;
    piece.send(api, progress, bar, None, &|| sign(&sha256).map(Some))?;
    if local.is_unchanged() { Ok(()) } else { Err(changed(local)) }
}

/// The failure of a file that changed while it was sent.
pub fn changed(local: &Local) -> Failure {
    Failure::Invalid(format!("`{}` changed while it was sent; run the command again", plain(&local.name)))
}

impl Piece<'_> {
    /// The ETag in `Some`, where S3 says one; `None` where something was there before.
    fn send(
        self,
        api: &Api,
        progress: &Progress,
        bar: Option<&ProgressBar>,
        first: Option<Signed>,
        sign: &Sign<'_>,
    ) -> Result<Option<Option<String>>, Failure> {
        let name = plain(&self.local.name);
        let mut repeats = Repeats::new(api.settings().retries);
        let mut stale = 0;
        let mut signed = first;
        loop {
            let request = match signed.take() {
                Some(request) => request,
                None => match sign()? {
                    Some(request) => request,
                    None => {
                        progress.more(self.length);
                        return Ok(None);
                    }
                },
            };
            let mut bytes = Counted::new(self.open()?, progress, bar);
            match api.send(&request, &mut bytes, self.length) {
                Sent::Taken(etag) => {
                    bytes.keep();
                    return Ok(Some(etag));
                }
                Sent::Occupied => {
                    bytes.keep();
                    return Ok(None);
                }
                Sent::Refused(why) => return Err(Failure::Invalid(format!("`{name}`: {why}"))),
                // The caller looks at the file again.
                _ if !self.local.is_unchanged() => return Ok(None),
                Sent::Stale(code) => {
                    stale += 1;
                    if stale > MAX_STALE {
                        return Err(Failure::Invalid(format!(
                            "`{name}`: the storage refuses the signed address (HTTP 403 {code})"
                        )));
                    }
                }
                Sent::Again { why, after } => {
                    stale = 0;
                    drop(bytes);
                    if !repeats.pause(&format!("`{name}`: {why}"), after) {
                        return Err(Failure::Unavailable(format!("`{name}` could not be sent: {why}")));
                    }
                }
            }
        }
    }

    fn open(self) -> Result<impl Read, Failure> {
        let open = || {
            let mut file = File::open(&self.local.path)?;
            file.seek(SeekFrom::Start(self.from))?;
            Ok(file.take(self.length))
        };
        open().map_err(|error| Failure::local(&self.local.path, "read", &error))
    }
}
