//! The beginning and the end of a program's output, in bounded memory however long the output is.

use std::fmt::Write;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::pipe::{PipeFlags, pipe_with};

/// So many bytes are kept of the beginning, and as many of the end.
const KEPT: usize = 64 << 10;
/// Lines of the beginning that a message shows where it cannot show all.
const FIRST_LINES: usize = 5;
/// Lines of the end that a message shows.
const LAST_LINES: usize = 15;
/// Lines in a message are cut after about so many bytes.
const LONGEST_LINE: usize = 200;

/// The beginning and the end of an output.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    head: Vec<u8>,
    /// Up to twice [`KEPT`] bytes, of which the last [`KEPT`] count. So the front is cut off only
    /// now and then.
    tail: Vec<u8>,
    total: u64,
}

impl Capture {
    /// Forgets everything, keeping the memory.
    pub(crate) fn clear(&mut self) {
        self.head.clear();
        self.tail.clear();
        self.total = 0;
    }

    /// Takes in more output.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend_from_slice(first);
        if rest.len() > KEPT {
            self.tail.clear();
        }
        let rest = &rest[rest.len().saturating_sub(KEPT)..];
        if self.tail.len() + rest.len() > 2 * KEPT {
            self.tail.drain(..self.tail.len() - KEPT);
        }
        self.tail.extend_from_slice(rest);
    }

    /// The kept output as text. The middle of a long output is missing.
    pub(crate) fn text(&self) -> String {
        let tail = &self.tail[self.tail.len().saturating_sub(KEPT)..];
        let is_whole = self.total == (self.head.len() + tail.len()) as u64;
        let gap: &[u8] = if is_whole { b"" } else { b"\n" };
        String::from_utf8_lossy(&[&self.head, gap, tail].concat()).into_owned()
    }

    /// The kept output as part of a message: `it printed nothing`, or its lines, indented and with
    /// control characters escaped.
    pub(crate) fn told(&self) -> String {
        if self.total == 0 {
            return "it printed nothing".to_owned();
        }
        let tail = &self.tail[self.tail.len().saturating_sub(KEPT)..];
        let missing = self.total - (self.head.len() + tail.len()) as u64;
        let mut lines: Vec<String> = if missing == 0 {
            shown(&[&self.head, tail].concat())
        } else {
            let mut lines = shown(&self.head);
            lines.truncate(FIRST_LINES);
            lines.push(format!("[.. {} bytes in all ..]", self.total));
            let end = shown(tail);
            lines.extend_from_slice(&end[end.len().saturating_sub(LAST_LINES)..]);
            lines
        };
        if missing == 0 && lines.len() > FIRST_LINES + LAST_LINES + 1 {
            let left_out = lines.len() - FIRST_LINES - LAST_LINES;
            let note = format!("[.. {left_out} more lines ..]");
            lines.splice(FIRST_LINES..FIRST_LINES + left_out, [note]);
        }
        lines.iter().fold("it printed:".to_owned(), |mut text, line| {
            let _ = write!(text, "\n    | {line}");
            text
        })
    }
}

/// Lines fit for a terminal.
fn shown(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(line).collect()
}

/// One line with control characters escaped. The rest of a very long line is left out.
pub(crate) fn line(text: &str) -> String {
    let mut shown = String::new();
    // Each escape counts with all its characters.
    for character in text.chars() {
        if shown.len() >= LONGEST_LINE {
            shown.push_str(" ..");
            break;
        }
        match character {
            '\t' => shown.push(' '),
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    shown
}

/// The reading side of a pipe that a program writes its output to.
#[derive(Debug)]
pub(crate) struct Output {
    read: OwnedFd,
}

/// The result of one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// Something, and there may be more.
    Some,
    /// Nothing now.
    Nothing,
    /// The end: no process holds the other end any more.
    End,
}

impl Output {
    /// A pipe whose reading side never blocks: the reader and the end to be given to a program.
    pub(crate) fn pipe() -> io::Result<(Self, OwnedFd)> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&read, rustix::fs::OFlags::NONBLOCK)?;
        Ok((Self { read }, write))
    }

    /// The descriptor to be polled.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    /// Reads once, through `buffer`.
    pub(crate) fn read(&self, capture: &mut Capture, buffer: &mut [u8]) -> io::Result<Read> {
        self.read_with(buffer, |bytes| capture.push(bytes))
    }

    /// Reads once, through `buffer`, and keeps all of it.
    pub(crate) fn read_into(&self, all: &mut Vec<u8>, buffer: &mut [u8]) -> io::Result<Read> {
        self.read_with(buffer, |bytes| all.extend_from_slice(bytes))
    }

    fn read_with(&self, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> io::Result<Read> {
        match rustix::io::retry_on_intr(|| rustix::io::read(&self.read, &mut *buffer)) {
            Ok(0) => Ok(Read::End),
            Ok(count) => {
                take(&buffer[..count]);
                Ok(Read::Some)
            }
            Err(rustix::io::Errno::AGAIN) => Ok(Read::Nothing),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_output_is_told_whole() {
        let mut capture = Capture::default();
        capture.push(b"one\ntwo \x1b[31mred\n");
        assert_eq!(capture.told(), "it printed:\n    | one\n    | two \\u{1b}[31mred");
        capture.clear();
        assert_eq!(capture.told(), "it printed nothing");
    }

    #[test]
    fn many_lines_are_told_by_their_ends() {
        let mut capture = Capture::default();
        for number in 0..1000 {
            capture.push(format!("line {number}\n").as_bytes());
        }
        let told = capture.told();
        assert!(told.contains("| line 4\n    | [.. 980 more lines ..]\n    | line 985"), "{told}");
        assert!(told.ends_with("line 999"));
    }

    proptest::proptest! {
        #[test]
        fn memory_stays_flat_and_both_ends_are_kept(
            chunks in proptest::collection::vec(0_usize..200_000, 1..12),
        ) {
            let mut capture = Capture::default();
            let mut all = Vec::new();
            for (number, length) in chunks.into_iter().enumerate() {
                let chunk = vec![b'a' + number as u8; length];
                capture.push(&chunk);
                all.extend_from_slice(&chunk);
            }
            proptest::prop_assert_eq!(capture.total, all.len() as u64);
            proptest::prop_assert_eq!(&capture.head[..], &all[..all.len().min(KEPT)]);
            proptest::prop_assert!(capture.tail.len() <= 2 * KEPT);
            proptest::prop_assert!(all[capture.head.len()..].ends_with(&capture.tail));
            proptest::prop_assert!(capture.tail.len() >= KEPT.min(all.len() - capture.head.len()));
        }
    }
}
