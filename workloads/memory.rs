//! `memory`: the triad over arrays beyond the last cache, a measure of what memory delivers.

mod arrays;
mod machine;

use crate::{Context, Error, Form, Kind, Meta, Note, Param, Result, Task, Unit, Work, Workload};
use arrays::Arrays;

/// `a[i] = b[i] + s * c[i]` over three arrays of `size` bytes each that belong to the worker alone.
///
/// Each task works on the next 16 MiB of each array. So a task takes some milliseconds, and memory
/// is used again only after all the rest of it. Bytes are counted as STREAM counts them, 24 per
/// element: two numbers read and one written. Most machines also read the cache line that they are
/// about to write, and so move 32; these bytes are not counted. Source: McCalpin, "Memory Bandwidth
/// and Machine Balance in Current High Performance Computers", 1995.
#[derive(Debug)]
pub struct Memory;

const META: Meta = Meta {
    name: "memory",
    summary: "triad over arrays beyond the last cache",
    kind: Kind::Memory,
    unit: Unit { one: "byte", many: "bytes" },
    params: &[Param {
        name: "size",
        help: "bytes of each of a worker's three arrays",
        form: Form::Size { min: 1 << 10, max: 1 << 40 },
        default: "32M",
        small: "64k",
    }],
    equivalent: None,
};

/// Arrays smaller than this many times the last cache stay in the cache in part.
const CACHES: u64 = 2;

impl Workload for Memory {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let size = context.params.size("size");
        check_room(3 * size, context.workers as u64)?;
        Ok(Box::new(Triad {
            arrays: Arrays::new(size as usize / size_of::<f64>()),
            seed: context.seed,
        }))
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let arrays = 3 * context.params.size("size");
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let Some(cache) = machine::last_cache() else {
            return vec![Note {
                warning: false,
                text: "the size of the last cache is unknown here, so the arrays may fit into it"
                    .to_owned(),
                remedy: "give a size of twice the last cache or more".to_owned(),
            }];
        };
        if arrays >= CACHES * cache {
            return Vec::new();
        }
        vec![Note {
            warning: true,
            text: format!(
                "a worker's arrays come to {:.2} MiB and the last cache to {:.0} MiB: this \
                 measures the cache as well",
                mib(arrays),
                mib(cache)
            ),
            remedy: format!("use size={}M or more", (CACHES * cache / 3).div_ceil(1 << 20)),
        }]
    }
}

/// Refuses arrays for which the memory is missing: the kernel would kill a process, perhaps this
/// one.
fn check_room(each: u64, workers: u64) -> Result<()> {
    let Some(memory) = machine::memory() else { return Ok(()) };
    let all = each.saturating_mul(workers);
    if all <= memory.total / 10 * 9 && each <= memory.available {
        return Ok(());
    }
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    Err(Error::failed(format!(
        "memory: {workers} workers need {:.2} GiB; the machine has {:.2} GiB, of which {:.2} GiB \
         are free; lower size",
        gib(all),
        gib(memory.total),
        gib(memory.available)
    )))
}

struct Triad {
    arrays: Arrays,
    seed: u64,
}

impl Task for Triad {
    fn run(&mut self, number: u64) -> Result<Work> {
        self.arrays.triad(self.seed, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Params;

    #[test]
    fn too_much_is_refused_before_it_is_taken() {
        let error = check_room(1 << 50, 1).unwrap_err().to_string();
        assert!(error.contains("lower size"), "{error}");
        assert!(check_room(1 << 30, 1 << 40).is_err());
        check_room(1 << 20, 1).unwrap();
    }

    #[test]
    fn arrays_within_the_cache_are_warned_of() {
        let params = Params::resolve("memory", META.params, [("size", "64k")]).unwrap();
        let shared = std::path::Path::new(".");
        let context =
            Context { params: &params, seed: 0, worker: 0, workers: 1, shared, host: None };
        let notes = Memory.notes(&context);
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0].warning, machine::last_cache().is_some(), "{notes:?}");
        assert!(notes[0].remedy.contains("size"), "{notes:?}");
    }
}
