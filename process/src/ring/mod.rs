//! A ring of records in shared memory, from one producing process to one consuming process.
//!
//! All positions are bytes counted since the ring was made and never wrap; a record lies at its
//! position modulo the size of the ring. Three of them are shared, each written by one side, each
//! on cache lines of its own:
//!
//! | position | moved by | means |
//! |---|---|---|
//! | `tail` | producer | what lies before it is complete |
//! | `claimed` | consumer; producer to revoke | what lies before it has been taken or revoked |
//! | `freed` | consumer | what lies before it may be overwritten |
//!
//! The producer moves `tail` last, so one that dies half-way has sent nothing. `claimed` is moved
//! by compare-and-swap, so each record is either taken once or revoked. Where nothing is ever
//! revoked, `claimed` is not used.
//!
//! Each side keeps its own position in private memory, and checks whatever the other side wrote
//! before it uses it. A damaged position is an error, never an access outside the ring.
//!
//! **Sleeping.** A side that finds nothing to do sets a flag, looks once more, then sleeps on its
//! bell. The other side publishes, then reads the flag, then rings. Both pairs of steps are
//! sequentially consistent, or have such a fence in between. So at least one side sees the other's
//! first step (Dekker), and no wake-up is lost.

mod consumer;
mod producer;
mod region;

use std::sync::atomic::Ordering::{AcqRel, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

pub(crate) use self::consumer::Consumer;
pub(crate) use self::producer::Producer;
pub(crate) use self::region::{Body, word_of};

/// Bytes of control words ahead of a ring's data.
pub(crate) const CONTROL: usize = 1024;

/// Bytes ahead of each record: length (3 bytes), kind (1 byte) and tag (4 bytes). Records start at
/// multiples of it. It is small because moving cache lines between cores is what costs time: eight
/// empty records share one line.
const HEADER: u64 = 8;

/// The largest ring, so that all lengths fit their place in a header.
const LARGEST: usize = 1 << 26;

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// At most a quarter of [`LARGEST`].
    pub(crate) length: u32,
    pub(crate) kind: u8,
    pub(crate) tag: u32,
}

impl Header {
    #[inline]
    fn to_word(self) -> u64 {
        u64::from(self.length) | u64::from(self.kind) << 24 | u64::from(self.tag) << 32
    }

    #[inline]
    fn from_word(word: u64) -> Self {
        Self { length: word as u32 & 0xff_ffff, kind: (word >> 24) as u8, tag: (word >> 32) as u32 }
    }
}

/// The words that both sides share.
#[derive(Debug)]
#[repr(C)]
struct Words {
    tail: Line<AtomicU64>,
    claimed: Line<AtomicU64>,
    freed: Line<AtomicU64>,
    consumer_sleeps: Line<AtomicU32>,
    producer_sleeps: Line<AtomicU32>,
}

/// A word on two cache lines of its own, because lines are fetched in pairs.
#[derive(Debug)]
#[repr(C, align(128))]
struct Line<T>(T);

/// The bytes that a record of `length` takes in the ring.
#[inline]
const fn footprint(length: usize) -> u64 {
    HEADER + (length as u64).next_multiple_of(HEADER)
}

#[inline]
fn wake(flag: &AtomicU32) -> Option<u32> {
    // Most of the time no side sleeps. Then the line is only read, stays shared, and costs nothing.
    (flag.load(SeqCst) != 0).then(|| flag.swap(0, AcqRel)).filter(|whom| *whom != 0)
}

#[cfg(test)]
mod tests;
