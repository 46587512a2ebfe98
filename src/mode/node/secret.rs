//! The secret of a run. Whoever knows it may be a node; nobody else may.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};

use super::build::hexadecimal;

/// The environment variable in which a launcher carries the secret to a node.
pub const SECRET: &str = "KNEE_SECRET";
const BYTES: usize = 32;

/// 32 bytes from the system's random source. The secret never stands on a command line, in a record
/// or in a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; BYTES]);

impl Secret {
    /// Draws a new secret.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> io::Result<Self> {
        let mut bytes = [0; BYTES];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Takes the secret as a node: from its environment, where it is deleted, or else from the
    /// first line of its input. The flag says whether it was the input.
    ///
    /// # Errors
    /// It is in neither.
    pub fn taken() -> Result<(Self, bool), String> {
        if let Some(text) = std::env::var_os(SECRET) {
            // SAFETY: a node takes its secret before it starts any thread, so nobody can be reading
            // the environment.
            unsafe { std::env::remove_var(SECRET) };
            let secret = text.to_str().and_then(Self::read);
            return secret.map(|secret| (secret, false)).ok_or_else(|| {
                format!("{SECRET} does not hold the secret of a run: 64 hexadecimal digits")
            });
        }
        let mut line = Vec::new();
        let most = 2 * BYTES as u64 + 2;
        let read = io::stdin().lock().take(most).read_until(b'\n', &mut line);
        let text = read.ok().and_then(|_| std::str::from_utf8(&line).ok().map(str::trim));
        let secret = text.and_then(Self::read);
        secret.map(|secret| (secret, true)).ok_or_else(|| {
            format!(
                "the secret of the run is neither in {SECRET} nor the first line of the input; \
                 knee run --launcher starts nodes with it"
            )
        })
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() != 2 * BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
        let mut bytes = [0; BYTES];
        for (at, place) in bytes.iter_mut().enumerate() {
            *place = byte(at)?;
        }
        Some(Self(bytes))
    }

    /// As hexadecimal digits, the form in which it is passed on.
    pub fn text(&self) -> String {
        hexadecimal(&self.0)
    }

    pub(super) fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_is_told_and_is_not_shown() {
        let secret = Secret::new().expect("there is chance");
        assert_eq!(Secret::read(&secret.text()), Some(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for wrong in ["", "12", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!(Secret::read(wrong), None, "{wrong}");
        }
    }
}
