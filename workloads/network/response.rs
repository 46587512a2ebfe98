//! Reads an HTTP/1.1 response as its bytes arrive. It does no input or output itself.
//!
//! Source: RFC 9112, sections 4 to 7. Every line and the head as a whole are limited, so that a
//! hostile server cannot use up memory. Bodies are passed on piece by piece and never kept.

use crate::{Error, Result};

/// The most bytes that the lines of one response may have together: status, fields, sizes of chunks
/// and trailers.
const MAX_LINES: usize = 1 << 16;
/// The most bytes of one body.
const MAX_BODY: u64 = 1 << 30;

/// The state of one response that is being read.
#[derive(Debug)]
pub(super) struct Response {
    state: State,
    line: Vec<u8>,
    /// Bytes of lines so far. Each finished chunk lowers the count, so that a long body does not
    /// reach the limit.
    line_bytes: usize,
    status: u16,
    length: Option<u64>,
    chunked: bool,
    keep_alive: bool,
    body: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Status,
    Fields,
    /// So many bytes of body remain.
    Body(u64),
    UntilClose,
    ChunkSize,
    /// So many bytes of the chunk remain.
    Chunk(u64),
    ChunkEnd,
    Trailers,
    Done,
}

impl Response {
    pub(super) fn new() -> Self {
        Self {
            state: State::Status,
            line: Vec::new(),
            line_bytes: 0,
            status: 0,
            length: None,
            chunked: false,
            keep_alive: false,
            body: 0,
        }
    }

    /// Takes the next bytes and calls `piece` for every piece of the body, with its offset.
    ///
    /// # Errors
    /// The response is not HTTP/1.1, is too large or has no status 2xx, or `piece` returns an
    /// error.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        piece: &mut dyn FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Body(left) | State::Chunk(left) => {
                    let (now, rest) = bytes.split_at(bytes.len().min(left as usize));
                    self.take(now, piece)?;
                    let left = left - now.len() as u64;
                    self.state = match self.state {
                        State::Body(_) if left == 0 => State::Done,
                        State::Body(_) => State::Body(left),
                        _ if left == 0 => State::ChunkEnd,
                        _ => State::Chunk(left),
                    };
                    rest
                }
                State::UntilClose => {
                    self.take(bytes, piece)?;
                    &[]
                }
                State::Done => {
                    return Err(bad("more bytes arrived than the response announced"));
                }
                _ => self.take_line(bytes)?,
            };
        }
        Ok(())
    }

    /// To be called when the connection was closed, which ends some responses and is an error in
    /// all others.
    pub(super) fn close(&mut self) -> Result<()> {
        self.keep_alive = false;
        match self.state {
            State::UntilClose => self.state = State::Done,
            State::Done => {}
            _ => return Err(bad("the connection was closed in the middle of a response")),
        }
        Ok(())
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether another request may follow on the same connection.
    pub(super) fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    /// Bytes of body so far.
    pub(super) fn body_length(&self) -> u64 {
        self.body
    }

    fn take(&mut self, now: &[u8], piece: &mut dyn FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        piece(self.body, now)?;
        self.body += now.len() as u64;
        if self.body > MAX_BODY {
            return Err(bad("the body is larger than 1 GiB"));
        }
        Ok(())
    }

    /// Collects bytes up to the end of a line and acts on it; returns what follows.
    fn take_line<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (now, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        self.line.extend_from_slice(now);
        self.line_bytes += now.len();
        if self.line_bytes > MAX_LINES {
            return Err(bad("the head is larger than 64 KiB"));
        }
        if end.is_some() {
            let mut line = std::mem::take(&mut self.line);
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            let text = std::str::from_utf8(&line).map_err(|_| bad("the head is not text"))?;
            self.state = self.act_on(text)?;
            line.clear();
            self.line = line; // Keeps the allocation for the next line.
        }
        Ok(rest)
    }

    fn act_on(&mut self, line: &str) -> Result<State> {
        match self.state {
            State::Status => self.status_line(line),
            State::Fields if line.is_empty() => self.head_is_complete(),
            State::Fields => self.field(line).map(|()| State::Fields),
            State::ChunkSize => self.chunk_size(line),
            State::ChunkEnd if line.is_empty() => Ok(State::ChunkSize),
            State::ChunkEnd => Err(bad("a chunk is longer than its size")),
            State::Trailers if line.is_empty() => Ok(State::Done),
            other => Ok(other), // Trailers are ignored.
        }
    }

    fn status_line(&mut self, line: &str) -> Result<State> {
        let mut parts = line.splitn(3, ' ');
        let (version, status) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.keep_alive = match version {
            "HTTP/1.1" => true,
            "HTTP/1.0" => false,
            _ => return Err(bad("the answer is not HTTP/1.1")),
        };
        let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        self.status = match status.parse() {
            Ok(status) if digits => status,
            _ => return Err(bad("the status is not a number")),
        };
        if !(100..300).contains(&self.status) || self.status == 101 {
            let reason = parts.next().unwrap_or_default().escape_debug().to_string();
            return Err(bad(format!("the server answers {} {reason}", self.status)));
        }
        Ok(State::Fields)
    }

    fn field(&mut self, line: &str) -> Result<()> {
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a field has no colon"))?;
        let value = value.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case("content-length") {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let length = value.parse().ok().filter(|_| digits);
            if length.is_none() || self.length.is_some() && self.length != length {
                return Err(bad("the length of the body is not one number"));
            }
            self.length = length;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") || self.chunked {
                return Err(bad("the transfer encoding is not chunked"));
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            for option in value.split(',').map(str::trim) {
                if option.eq_ignore_ascii_case("close") {
                    self.keep_alive = false;
                } else if option.eq_ignore_ascii_case("keep-alive") {
                    self.keep_alive = true;
                }
            }
        }
        Ok(())
    }

    fn head_is_complete(&mut self) -> Result<State> {
        let (chunked, length) = (self.chunked, self.length.take());
        self.chunked = false;
        if self.status < 200 {
            return Ok(State::Status); // Interim: the response itself is still to come.
        }
        if chunked && length.is_some() {
            return Err(bad("the body has a length and chunks as well"));
        }
        Ok(match length {
            _ if self.status == 204 => State::Done,
            _ if chunked => State::ChunkSize,
            Some(0) => State::Done,
            Some(length) => State::Body(length),
            None => {
                self.keep_alive = false;
                State::UntilClose
            }
        })
    }

    fn chunk_size(&mut self, line: &str) -> Result<State> {
        self.line_bytes = self.line_bytes.saturating_sub(line.len() + 4);
        let digits = line.split(';').next().unwrap_or_default().trim_end();
        let hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u64::from_str_radix(digits, 16) {
            Ok(0) if hex => Ok(State::Trailers),
            Ok(size) if hex => Ok(State::Chunk(size)),
            _ => Err(bad("the size of a chunk is not a hexadecimal number")),
        }
    }
}

fn bad(what: impl AsRef<str>) -> Error {
    Error::failed(format!("network: {}", what.as_ref()))
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
