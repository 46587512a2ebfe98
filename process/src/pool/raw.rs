//! Outcomes before their type is known.

use super::link::record;
use crate::outcome::Failure;

/// Results up to this size need no memory of their own.
const SMALL: usize = 23;

/// Result bytes.
#[derive(Debug)]
pub(crate) enum Payload {
    Small(u8, [u8; SMALL]),
    Large(Box<[u8]>),
}

impl Payload {
    /// Replaces an empty payload.
    #[inline]
    fn fill(&mut self, bytes: &[u8]) {
        match self {
            Self::Small(length, small) if bytes.len() <= SMALL => {
                *length = bytes.len() as u8;
                small[..bytes.len()].copy_from_slice(bytes);
            }
            _ => *self = Self::Large(bytes.into()),
        }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Small(length, bytes) => &bytes[..usize::from(*length).min(SMALL)],
            Self::Large(bytes) => bytes,
        }
    }
}

/// An outcome and where it comes from.
#[derive(Debug)]
pub(crate) struct RawReport {
    pub(crate) outcome: Result<Payload, Box<Failure>>,
    pub(crate) worker: u32,
    pub(crate) pid: u32,
}

impl RawReport {
    /// A report that is to be written.
    pub(crate) const EMPTY: Self =
        Self { outcome: Ok(Payload::Small(0, [0; SMALL])), worker: 0, pid: 0 };

    /// Becomes what a worker, by number and process id, has answered.
    #[inline]
    pub(crate) fn answer(&mut self, worker: (u32, u32), kind: u8, bytes: &[u8]) {
        (self.worker, self.pid) = worker;
        match (kind, &mut self.outcome) {
            (record::DONE, Ok(payload)) => payload.fill(bytes),
            _ => self.outcome = Err(Box::new(failed(kind, bytes))),
        }
    }

    /// Becomes what the pool has found out about a worker's task.
    pub(crate) fn fail(&mut self, worker: (u32, u32), failure: Failure) {
        (self.worker, self.pid) = worker;
        self.outcome = Err(Box::new(failure));
    }
}

#[cold]
fn failed(kind: u8, bytes: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if kind == record::PANICKED { Failure::Panicked(text) } else { Failure::Failed(text) }
}
