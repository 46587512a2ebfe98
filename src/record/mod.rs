//! The raw record of a run: appended while it runs, and readable for ever after.
//!
//! A record is JSON Lines. The first line is the [`Header`]; each later one is a [`Line`]. Every
//! line ends with a CRC-32 of the text before it. So a last line that was cut off (by a power cut)
//! can be told from damage.

mod memory;
mod one_node;
mod sane;
mod schema;
mod store;

use knee_workloads::{Ceiling, FOREIGN, Note};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::machine::{BurnReport, Machine, Warning};
use crate::mode::Reference;
use crate::mode::helper::Facts;
use crate::mode::node::Node;
use crate::plan::Plan;
use crate::run::{Event, Failure, Sample};

pub use schema::schema;
pub use store::{ReadError, Readers, Writer, read, read_from};

/// The record version that this knee writes. It reads this one and all older ones.
pub const SCHEMA_VERSION: u32 = 1;

/// The name of the record's file in the directory of a run.
pub const FILE_NAME: &str = "record.jsonl";

/// Everything that a run produced.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What was planned, with which command, on which machine.
    pub header: Header,
    /// What each workload did when it was run serially once.
    pub surveys: Vec<Survey>,
    /// Each round that gave a result, in order of time.
    pub samples: Vec<Sample>,
    /// Each round that gave no result.
    pub failures: Vec<Failure>,
    /// Conditions known before the run that distort its figures.
    pub warnings: Vec<Advice>,
    /// Burn controls: whether each core still computed as fast as before, checked from time to
    /// time.
    pub burns: Vec<BurnReport>,
    /// How the run ended; `None` if it was killed.
    pub end: Option<End>,
}

/// What was planned, with which command, on which machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The name of the run, which is that of its directory.
    pub name: String,
    /// The version of knee.
    pub knee: String,
    /// Whether knee was built with optimisation.
    pub optimised: bool,
    /// The command line.
    pub command: Vec<String>,
    /// When it started, in UTC, as RFC 3339.
    pub started: String,
    /// The machine.
    pub machine: Machine,
    /// The plan.
    pub plan: Plan,
    /// The hosts over which crews are spread, if they are; `machine` is then the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Node>,
}

impl Header {
    /// The header of a run that begins now.
    pub fn new(name: &str, plan: &Plan, machine: &Machine) -> Self {
        let arguments = std::env::args_os();
        Self {
            schema_version: SCHEMA_VERSION,
            name: name.to_owned(),
            knee: env!("CARGO_PKG_VERSION").into(),
            optimised: !cfg!(debug_assertions),
            command: arguments.map(|word| word.to_string_lossy().into_owned()).collect(),
            started: clock::utc(),
            machine: machine.clone(),
            plan: plan.clone(),
            nodes: Vec::new(),
        }
    }

    /// Who may read the files of this run. A command line can hold secrets.
    pub fn readers(&self) -> Readers {
        let is_program = |name: &str| FOREIGN.iter().any(|foreign| foreign.meta().name == name);
        let private = self.plan.entries.iter().any(|entry| is_program(&entry.workload));
        if private { Readers::Owner } else { Readers::All }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// Seconds since its beginning.
    pub wall: f64,
    /// Whether the user interrupted it.
    pub interrupted: bool,
}

/// A condition that distorts figures, with a remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// A stable word for programs.
    pub code: String,
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}

impl From<&Warning> for Advice {
    fn from(warning: &Warning) -> Self {
        Self {
            code: warning.code().to_owned(),
            text: warning.text(),
            remedy: warning.remedy().to_owned(),
        }
    }
}

/// What a workload did when it was run serially once, before the first block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Survey {
    /// Index of the entry in the plan.
    pub entry: usize,
    /// Seconds that the fastest task took.
    pub task: f64,
    /// Seconds that preparing one worker took.
    pub prepare: f64,
    /// Remarks of the workload on this machine.
    #[schemars(with = "Vec<schema::NoteShape>")]
    pub notes: Vec<Note>,
    /// What one core could do by its design.
    #[schemars(with = "Option<schema::CeilingShape>")]
    pub ceiling: Option<Ceiling>,
    /// What is known about a function of another language; `None` for other workloads and in older
    /// records.
    #[serde(default)]
    pub function: Option<Facts>,
}

impl Survey {
    /// Takes from a reference what the record keeps.
    pub fn new(entry: usize, reference: &Reference) -> Self {
        Self {
            entry,
            task: reference.task,
            prepare: reference.prepare,
            notes: reference.notes.clone(),
            ceiling: reference.ceiling.clone(),
            function: reference.function.clone(),
        }
    }
}

/// One line of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "a header is made once, and lines never lie in bulk")]
#[non_exhaustive]
pub enum Line {
    /// The first line.
    Header(Header),
    /// A workload was run serially once.
    Survey(Survey),
    /// A round that gave a result.
    Sample(Sample),
    /// A round that gave no result.
    Failure(Failure),
    /// A condition that distorts figures.
    Warning(Advice),
    /// A burn control.
    Burn(BurnReport),
    /// The last line.
    End(End),
}

impl Line {
    /// Takes from an event what the record keeps; `None` for events that only announce something.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        match event {
            Event::Surveyed { entry, reference } => {
                Some(Self::Survey(Survey::new(*entry, reference)))
            }
            Event::Measured(sample) => Some(Self::Sample((*sample).clone())),
            Event::Failed(failure) => Some(Self::Failure((*failure).clone())),
            Event::Burned(report) => Some(Self::Burn((*report).clone())),
            Event::Block { .. } | Event::Round { .. } => None,
        }
    }
}
