//! The raw result: what a run produced, appended while it runs and read back for ever after.
//!
//! A record is JSON Lines. The first line is the [`Header`]; each later one is a [`Line`]. Every
//! line ends with a CRC-32 of what stands before it, so that a torn last line (a power cut) is told
//! from damage.

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

/// The version of the record that this knee writes; it reads this and all older ones.
pub const SCHEMA_VERSION: u32 = 1;

/// The file in a run's directory.
pub const FILE_NAME: &str = "record.jsonl";

/// Everything a run produced.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What was to be done, by what, where.
    pub header: Header,
    /// What each workload did when it was run serially once.
    pub surveys: Vec<Survey>,
    /// Each round that gave a figure, in order of time.
    pub samples: Vec<Sample>,
    /// Each round that gave none.
    pub failures: Vec<Failure>,
    /// What was known before the run to bend its figures.
    pub warnings: Vec<Advice>,
    /// Whether each core still gave what it gave, from time to time.
    pub burns: Vec<BurnReport>,
    /// How it ended; `None` where it was killed.
    pub end: Option<End>,
}

/// What was to be done, by what, where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The run's name: its directory's.
    pub name: String,
    /// The version of knee.
    pub knee: String,
    /// Whether that was an optimised build.
    pub optimised: bool,
    /// The command line.
    pub command: Vec<String>,
    /// When, as RFC 3339 in UTC.
    pub started: String,
    /// Where.
    pub machine: Machine,
    /// What was planned.
    pub plan: Plan,
    /// The hosts over which crews are spread, where they are; `machine` is the first of them then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Node>,
}

impl Header {
    /// The header of a run of this program that begins now.
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

    /// Who may read what is made of this run: a command line may hold secrets.
    pub fn readers(&self) -> Readers {
        let is_program = |name: &str| FOREIGN.iter().any(|foreign| foreign.meta().name == name);
        let private = self.plan.entries.iter().any(|entry| is_program(&entry.workload));
        if private { Readers::Owner } else { Readers::All }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// Seconds from its beginning.
    pub wall: f64,
    /// Whether the user interrupted it.
    pub interrupted: bool,
}

/// Something that bends figures, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// A stable word for programs.
    pub code: String,
    /// What is so.
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

/// What a workload did when it was run serially once, before everything else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Survey {
    /// Which of the plan's entries.
    pub entry: usize,
    /// Seconds of the fastest task.
    pub task: f64,
    /// Seconds that preparing one worker took.
    pub prepare: f64,
    /// The workload's remarks on this machine.
    #[schemars(with = "Vec<schema::NoteShape>")]
    pub notes: Vec<Note>,
    /// What one core can do by design.
    #[schemars(with = "Option<schema::CeilingShape>")]
    pub ceiling: Option<Ceiling>,
    /// What is known of a function of another language; `None` for other workloads and in older
    /// records.
    #[serde(default)]
    pub function: Option<Facts>,
}

impl Survey {
    /// What is kept of a reference.
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
    /// A round that gave a figure.
    Sample(Sample),
    /// A round that gave none.
    Failure(Failure),
    /// Something that bends figures.
    Warning(Advice),
    /// Whether each core still gives what it gave.
    Burn(BurnReport),
    /// The last line.
    End(End),
}

impl Line {
    /// What is kept of an event of a run; `None` where it only says what comes.
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
