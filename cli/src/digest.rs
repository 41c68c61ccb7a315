//! Checksums of files: SHA-256 for what S3 has to compare, MD5 for what an ETag says has arrived.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use md5::Md5;
use sha2::digest::Output;
use sha2::{Digest, Sha256};

/// How much is read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of `length` bytes from `from` on, in hex; `seen` hears of progress.
///
/// # Errors
/// A file that can not be read, or that ends before.
pub fn sha256(path: &Path, from: u64, length: u64, seen: &mut dyn FnMut(u64)) -> io::Result<String> {
    Ok(hex(&run::<Sha256>(&mut File::open(path)?, from, length, seen)?))
}

/// The ETag that S3 gives a file: the MD5 of its bytes, or for one that came in parts the MD5 of the parts' MD5s.
///
/// # Errors
/// A file that can not be read, or that ends before.
pub fn etag(path: &Path, size: u64, part_bytes: Option<u64>) -> io::Result<String> {
    let mut file = File::open(path)?;
    let Some(part_bytes) = part_bytes.filter(|bytes| *bytes > 0) else {
        return Ok(hex(&run::<Md5>(&mut file, 0, size, &mut |_| {})?));
    };
    let mut all = Md5::new();
    let parts = size.div_ceil(part_bytes);
    for part in 0..parts {
        let from = part * part_bytes;
        all.update(run::<Md5>(&mut file, from, part_bytes.min(size - from), &mut |_| {})?);
    }
    Ok(format!("{}-{parts}", hex(&all.finalize())))
}

fn run<D: Digest>(
    file: &mut File,
    from: u64,
    length: u64,
    seen: &mut dyn FnMut(u64),
) -> io::Result<Output<D>> {
    file.seek(SeekFrom::Start(from))?;
    let mut digest = D::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut left = length;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let Some(space) = chunk.get_mut(..most) else { break };
        let read = match file.read(space) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digest.update(space.get(..read).unwrap_or_default());
        left -= read as u64;
        seen(read as u64);
    }
    Ok(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_those_of_s3() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"hello").unwrap();
        assert_eq!(etag(&path, 5, None).unwrap(), "5d41402abc4b2a76b9719d911017c592");
        // md5(md5("hel") + md5("lo")) by another tool.
        assert_eq!(etag(&path, 5, Some(3)).unwrap(), "554a2f6105cc700b8cc987b5ddfb8102-2");
        assert_eq!(
            sha256(&path, 0, 5, &mut |_| {}).unwrap(),
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        );
        assert!(sha256(&path, 0, 6, &mut |_| {}).is_err(), "a file that became shorter");
    }
}
