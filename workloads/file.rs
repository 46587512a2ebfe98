//! `file`: writes, reads or syncs blocks of a file of the worker's own, in a place of the user's
//! choice.

mod ring;
mod system;

use crate::{
    BoxFuture, Context, Error, Form, Kind, Meta, Note, Param, Params, Result, Task, Unit, Work,
    Workload,
};
use ring::{Op, Ring};

/// Moves blocks between memory and a file, round and round over `span` bytes, so that the disk
/// never fills up.
///
/// - `op=sync` writes a block and waits for `fdatasync`: when the task ends, the block is on the
///   disk.
/// - `op=write` leaves it in the page cache, unless `direct=true`.
/// - `op=read` reads blocks that were dropped from the page cache before, unless `cached=true`.
///   Caches of a host or a disk behind it cannot be dropped from here.
///
/// The data cannot be compressed, and no two sectors are equal. Every worker has a file of its own
/// without a name, which is gone when the worker ends, however it ends. The whole file is written
/// before the clock starts, so that no task pays for growing it.
#[derive(Debug)]
pub struct File;

const META: Meta = Meta {
    name: "file",
    summary: "writes, reads or syncs blocks of a file",
    kind: Kind::Io,
    unit: Unit { one: "byte", many: "bytes" },
    params: &[
        Param {
            name: "op",
            help: "sync (write and wait for the disk), write (into the page cache) or read",
            form: Form::Choice(&["sync", "write", "read"]),
            default: "sync",
            small: "sync",
        },
        Param {
            name: "size",
            help: "bytes that each task moves",
            form: Form::Size { min: 512, max: 1 << 30 },
            default: "64k",
            small: "4k",
        },
        Param {
            name: "span",
            help: "bytes of disk that each worker uses in turns",
            form: Form::Size { min: 512, max: 1 << 40 },
            default: "1M",
            small: "64k",
        },
        Param {
            name: "dir",
            help: "the directory, hence the disk, to measure",
            form: Form::Text,
            default: ".",
            small: ".",
        },
        Param {
            name: "direct",
            help: "bypass the page cache (O_DIRECT); size must be a multiple of 4k",
            form: Form::Flag,
            default: "false",
            small: "false",
        },
        Param {
            name: "cached",
            help: "for op=read: leave the page cache as it is",
            form: Form::Flag,
            default: "false",
            small: "false",
        },
    ],
    equivalent: None,
};

impl Workload for File {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let ring = Ring::open(context.params, context.seed)?;
        ring.fill()?;
        Ok(Box::new(Mover { ring: Some(Box::new(ring)) }))
    }

    fn supported(&self, params: &Params) -> Result<()> {
        Ring::open(params, 0).map(drop)
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let params = context.params;
        let mut notes = Vec::new();
        let directory = ring::directory(params);
        if let Ok(system) = system::of(directory) {
            notes.push(system.note(directory));
            if system.is_memory {
                return notes;
            }
        }
        notes.extend(match (Op::of(params), params.flag("direct")) {
            (Op::Write, false) => Some(Note {
                warning: true,
                text: "writes end in the page cache: this is the speed of memory, not of a disk"
                    .to_owned(),
                remedy: "use op=sync or direct=true".to_owned(),
            }),
            (Op::Read, false) => cache_note(context),
            _ => None,
        });
        notes
    }
}

/// Whether reads of a file like the workers' come from the page cache.
fn cache_note(context: &Context<'_>) -> Option<Note> {
    if context.params.flag("cached") {
        return Some(Note {
            warning: true,
            text: "reads come from the page cache, as asked: this is the speed of memory"
                .to_owned(),
            remedy: "leave out cached=true to read from the disk".to_owned(),
        });
    }
    let ring = Ring::open(context.params, context.seed).ok()?;
    ring.fill().ok()?;
    let share = ring.cached_share()?;
    (share > 0.05).then(|| Note {
        warning: true,
        text: format!(
            "{:.0} % of the reads came from the page cache: this file system keeps what it was \
             told to drop",
            share * 100.0
        ),
        remedy: "use direct=true, or another dir".to_owned(),
    })
}

/// In the async mode the ring is moved to a thread that may block, and back afterwards.
struct Mover {
    ring: Option<Box<Ring>>,
}

impl Task for Mover {
    fn run(&mut self, number: u64) -> Result<Work> {
        self.ring.as_mut().ok_or_else(lost)?.turn(number)
    }

    /// A task cannot wait for a file without a thread. So the block is read or written on one of
    /// tokio's blocking threads, as tokio itself does for files.
    fn run_async(&mut self, number: u64) -> BoxFuture<'_, Result<Work>> {
        Box::pin(async move {
            let mut ring = self.ring.take().ok_or_else(lost)?;
            let moved = tokio::task::spawn_blocking(move || {
                let work = ring.turn(number);
                (ring, work)
            });
            let (ring, work) = moved.await.map_err(|error| {
                Error::failed(format!("the blocking thread ended early: {error}"))
            })?;
            self.ring = Some(ring);
            work
        })
    }
}

fn lost() -> Error {
    Error::failed("an earlier task of this worker was abandoned while it had the file")
}
