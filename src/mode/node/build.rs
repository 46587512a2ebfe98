//! Hashes of files, by which the files of several hosts are compared.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use blake2::{Blake2b512, Digest};

/// The hash of a file's bytes, in hexadecimal digits.
pub(super) fn hash_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Blake2b512::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash of this program's own file.
pub(super) fn own_build() -> io::Result<String> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { hash_of(link) } else { hash_of(&std::env::current_exe()?) }
}
