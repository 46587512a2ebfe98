//! `lock`: a critical section that all workers of a crew share, and private work between its uses.
//! The workers may be threads or processes.

mod area;

use crate::support::spin::{self, Spin};
use crate::{
    Context, Form, Host, Kind, Meta, Note, Param, Result, Task, Unit, Work, Workload, mix,
};
use area::Area;

/// Enters a critical section `sections` times per task, with private work in between.
///
/// In the section a worker computes for `held` microseconds and changes `lines` cache lines that
/// all workers share. Outside it computes for `private` microseconds. Amdahl's law limits the
/// speed-up to `(held + private) / held`. The curve bends down before that, for two reasons: a
/// worker that finds the lines in another core's cache holds the lock for longer, and waiting
/// workers must be woken. A wrong count in a line, which shows that two workers were in the section
/// at once, is an error.
///
/// A worker that finds the lock taken spins for some tens of microseconds before it sleeps. The
/// lock is a POSIX mutex in a file of the crew's directory. It is shared between processes, and
/// robust: a worker that dies in the section does not stop the others.
#[derive(Debug)]
pub struct Lock;

const LONGEST: f64 = 1_000_000.0;

const META: Meta = Meta {
    name: "lock",
    summary: "a critical section shared by all workers, beside private work",
    kind: Kind::Sync,
    unit: Unit { one: "section", many: "sections" },
    params: &[
        Param {
            name: "held",
            help: "how long to compute in the section, in microseconds",
            form: Form::Number { min: 0.0, max: LONGEST },
            default: "2",
            small: "1",
        },
        Param {
            name: "private",
            help: "how long to compute outside of it, in microseconds",
            form: Form::Number { min: 0.0, max: LONGEST },
            default: "5",
            small: "1",
        },
        Param {
            name: "lines",
            help: "shared cache lines that each section changes",
            form: Form::Count { min: 0, max: area::MAX_LINES as u64 },
            default: "256",
            small: "16",
        },
        Param {
            name: "sections",
            help: "sections that each task goes through",
            form: Form::Count { min: 1, max: 1_000_000 },
            default: "100",
            small: "10",
        },
    ],
    equivalent: None,
};

impl Workload for Lock {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let params = context.params;
        let spin = Spin::of(context)?;
        Ok(Box::new(Sections {
            area: Area::join(context.shared, params.count("lines") as usize)?,
            held: spin.steps(params.number("held")),
            private: spin.steps(params.number("private")),
            per_task: params.count("sections"),
            seed: context.seed,
        }))
    }

    fn host(&self, _context: &Context<'_>) -> Result<Option<Host>> {
        Ok(Some(Spin::host()))
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let (held, private) = (context.params.number("held"), context.params.number("private"));
        if held <= 0.0 {
            return Vec::new();
        }
        vec![Note {
            warning: false,
            text: format!(
                "Amdahl's law bounds the speed-up by (held + private) / held = {:.1}, before the \
                 cost of handing the lock over",
                (held + private) / held
            ),
            remedy: String::new(),
        }]
    }
}

struct Sections {
    area: Area,
    held: u64,
    private: u64,
    per_task: u64,
    seed: u64,
}

impl Task for Sections {
    fn run(&mut self, number: u64) -> Result<Work> {
        let start = mix(self.seed, number);
        let mut checksum = start;
        for section in 0..self.per_task {
            let private = spin::compute(start ^ section, self.private)?;
            let held = self.area.locked(|lines| {
                lines.change()?;
                spin::compute(!private, self.held)
            })??;
            checksum = mix(checksum, held);
        }
        Ok(Work { units: self.per_task, checksum })
    }
}
