#![doc = include_str!("README.md")]

mod command;
mod file;
mod float;
pub mod foreign;
#[cfg(feature = "frames")]
mod frames;
mod function;
mod lock;
mod memory;
mod mixed;
mod network;
mod noop;
mod pi;
mod pipe;
mod queue;
pub mod server;
mod sleep;
mod support;
mod worker;

use std::any::Any;
use std::fmt::Debug;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use support::error::{Error, Result};
pub use support::params::{Form, Param, Params, nearest, parse_size};

pub use command::Command;
pub use file::File;
pub use float::Float;
pub use foreign::figure::Figure;
#[cfg(feature = "frames")]
pub use frames::Frames;
pub use function::{Foreign, Function};
pub use lock::Lock;
pub use memory::Memory;
pub use mixed::Mixed;
pub use network::Network;
pub use noop::Noop;
pub use pi::Pi;
pub use pipe::Pipe;
pub use queue::Queue;
pub use server::Server;
pub use sleep::Sleep;
pub use worker::Worker;

/// Every built-in workload, in the order in which they are shown.
pub const BUILTIN: &[&dyn Workload] = &[
    &Pi,
    &Float,
    #[cfg(feature = "frames")]
    &Frames,
    &Memory,
    &Lock,
    &Mixed,
    &Sleep,
    &File,
    &Network,
    &Queue,
    &Pipe,
    &Noop,
];

/// The functions that workloads run in processes of their own. A program that runs workloads gives
/// these to [`knee_process::init`] in the first line of its `main`.
pub fn entries() -> impl Iterator<Item = knee_process::Entry> {
    queue::entries().into_iter().chain(pipe::entries())
}

/// The workloads that run the user's own programs. They cannot run unless a program is given.
pub const FOREIGN: &[&dyn Workload] = &[&Command, &Worker, &Function, &Server];

/// A kind of work that can be measured.
///
/// Two methods are required: [`meta`](Workload::meta) says what it is and
/// [`prepare`](Workload::prepare) makes one worker's own task. A workload does not know in which
/// mode it runs, and need not.
pub trait Workload: Debug + Sync + 'static {
    /// What it is called, what it counts and which parameters it takes.
    fn meta(&self) -> &'static Meta;

    /// Makes one worker's own state, before the clock starts.
    ///
    /// # Errors
    /// The reason why this worker cannot work: a file cannot be made, a server does not answer.
    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>>;

    /// Whether this machine can run it with these parameters.
    ///
    /// # Errors
    /// The error says what the machine lacks, or which parameter cannot be met (a file that is not
    /// there).
    fn supported(&self, params: &Params) -> Result<()> {
        let _ = params;
        Ok(())
    }

    /// Makes what all workers of a crew share and what must be kept alive for them, such as a
    /// server on loopback.
    ///
    /// It is made before the first worker and dropped after the last one.
    ///
    /// # Errors
    /// The reason why it cannot be made.
    fn host(&self, context: &Context<'_>) -> Result<Option<Host>> {
        let _ = context;
        Ok(None)
    }

    /// The function of another language that this workload runs, if it does that. Then crews live
    /// in a helper, and nothing is [prepared](Workload::prepare) here.
    fn foreign(&self, params: &Params) -> Option<Foreign> {
        let _ = params;
        None
    }

    /// The host and port of the user's own server that does the work. If it runs on this machine,
    /// the CPU time that it uses belongs to the work and is no disturbance.
    fn server(&self, params: &Params) -> Option<(String, u16)> {
        let _ = params;
        None
    }

    /// Whether one task uses a cell's whole worker count by itself. Such tasks run one at a time,
    /// and
    /// [`Context::workers`] says how many workers the task is to use.
    fn parallel_by_itself(&self, params: &Params) -> bool {
        let _ = params;
        false
    }

    /// Whether a task depends on how many workers the crew has. Then a crew is launched for each
    /// count. Otherwise one large crew serves all counts, with some of its workers asleep.
    fn needs_exact_count(&self, params: &Params) -> bool {
        self.parallel_by_itself(params)
    }

    /// Remarks that a reader needs about *this* measurement: the file system is memory, reads came
    /// from the cache.
    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let _ = context;
        Vec::new()
    }

    /// The best worker count by the textbook on `cores` usable cores; may be fractional. `None`
    /// where no textbook gives one.
    fn textbook_optimum(&self, params: &Params, cores: f64) -> Option<f64> {
        let _ = (params, cores);
        None
    }

    /// Parameters that make shorter tasks of the same work. With them knee finds the task length
    /// from which a mode pays.
    fn shorter(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The most units per second that one core can do by its design. `None` where that is not known
    /// and cannot be calibrated.
    fn ceiling(&self, params: &Params) -> Option<Ceiling> {
        let _ = params;
        None
    }
}

/// One worker's own work, ready to run.
pub trait Task: Send {
    /// Does task number `number`: the timed region and nothing else.
    ///
    /// The checksum depends only on the workload, its parameters, the seed and `number`, so that
    /// every mode must return the checksums of serial.
    ///
    /// # Errors
    /// The reason why the work could not be done, or that its result is wrong.
    fn run(&mut self, number: u64) -> Result<Work>;

    /// What the last [`run`](Task::run) did besides its work.
    fn aside(&self) -> Aside {
        Aside::default()
    }

    /// The ids of other processes that do this task's work and outlive each run. What they use is
    /// counted as this task's use.
    fn processes(&self) -> Vec<u32> {
        Vec::new()
    }

    /// The same work without holding its thread while it waits. To be overridden where the work can
    /// wait.
    fn run_async(&mut self, number: u64) -> BoxFuture<'_, Result<Work>> {
        Box::pin(async move { self.run(number) })
    }
}

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What one task has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Work {
    /// How many units: digits, flops, frames, requests, bytes, messages.
    pub units: u64,
    /// A hash of the result; the same in every mode.
    pub checksum: u64,
}

/// What one task did besides its work.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Aside {
    /// How long it prepared before it worked. This time does not count.
    pub untimed: Duration,
    /// The largest resident memory of the programs that it has run so far, in bytes; 0 where it ran
    /// none.
    pub peak_memory: u64,
    /// The figure that the program printed about itself, where that figure is measured.
    #[serde(default)]
    pub figure: Option<Figure>,
}

/// What a workload is.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    /// Its name on the command line: lower case, no spaces.
    pub name: &'static str,
    /// One line that says what a task does.
    pub summary: &'static str,
    /// What its author claims it is bound by.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// What can be set.
    pub params: &'static [Param],
    /// How many units per second make one of a thing that people know, such as a video stream of 25
    /// frames/s.
    pub equivalent: Option<Equivalent>,
}

/// What a workload is claimed to be bound by. The claim only steers which worker counts are tried;
/// the findings judge for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Computing within a core's own caches.
    Cpu,
    /// Moving data to and from memory.
    Memory,
    /// Waiting for one another.
    Sync,
    /// Waiting for a disk, a network or a clock.
    Io,
    /// Passing messages between processes.
    Ipc,
}

impl Kind {
    /// Its word on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Sync => "sync",
            Self::Io => "io",
            Self::Ipc => "ipc",
        }
    }
}

/// What a workload counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// One of them: `digit`.
    pub one: &'static str,
    /// Several: `digits`.
    pub many: &'static str,
}

/// A thing that people know, and how many units per second make one of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equivalent {
    /// Its name: `1080p25 streams`.
    pub name: &'static str,
    /// Units per second for one of it.
    pub units_per_second: f64,
}

/// The most that one core can do by its design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Units per second of one core.
    pub units_per_second: f64,
    /// Where the figure comes from: `16 flop/cycle (AVX2 FMA) x 3.19 GHz, calibrated`.
    pub source: String,
}

/// A remark about a figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Whether the figure does not mean what its name says.
    pub warning: bool,
    /// The remark.
    pub text: String,
    /// What to do about it; empty where nothing need be done.
    pub remedy: String,
}

/// What a worker is told when it prepares its task.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The workload's own parameters.
    pub params: &'a Params,
    /// The seed of the run: the same work for every worker and mode.
    pub seed: u64,
    /// Which of the crew's workers this is, from 0.
    pub worker: usize,
    /// How many workers the crew has.
    pub workers: usize,
    /// A private directory of the crew, seen by all its workers and removed after it.
    pub shared: &'a Path,
    /// The address of the crew's [`Host`], if it has one.
    pub host: Option<&'a str>,
}

/// What a crew's workers share. It lives as long as this value.
pub struct Host {
    /// How a worker finds it: a network address or a path.
    pub address: String,
    /// Dropping it ends it.
    pub keep: Box<dyn Any + Send>,
}

impl Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Mixes a task's number with the seed: SplitMix64's output function, so that neighbours share no
/// bits.
///
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
pub fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
