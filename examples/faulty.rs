//! Workloads that fail in many ways. Tests check what knee does then.

use std::process::ExitCode;

use knee::workloads::{Context, Error, Kind, Meta, Result, Task, Unit, Work, Workload};

/// One way to go wrong.
#[derive(Debug)]
struct Fault {
    meta: Meta,
    prepare: fn() -> Result<()>,
    run: fn(u64) -> Result<()>,
    checksum: fn() -> u64,
}

const fn meta(name: &'static str) -> Meta {
    Meta {
        name,
        summary: "goes wrong",
        kind: Kind::Cpu,
        unit: Unit { one: "task", many: "tasks" },
        params: &[],
        equivalent: None,
    }
}

const fn fault(name: &'static str, run: fn(u64) -> Result<()>) -> Fault {
    Fault { meta: meta(name), prepare: || Ok(()), run, checksum: || 0 }
}

/// Whether this is a worker process. In knee itself the serial survey must succeed first.
fn is_worker() -> bool {
    knee::process::is_child()
}

/// Works for a moment, so that a round has only some hundreds of tasks.
fn works() {
    std::thread::sleep(std::time::Duration::from_micros(200));
}

/// Whether the task comes after the first few, which the survey runs in knee itself and which must
/// succeed.
fn late(number: u64) -> bool {
    works();
    number >= 8
}

static FAILS: Fault = fault("fails", |number| {
    if late(number) { Err(Error::failed("the disk of the test is full")) } else { Ok(()) }
});
static PANICS: Fault = fault("panics", |number| {
    assert!(!late(number), "the test panics on purpose");
    Ok(())
});
static EXITS: Fault = fault("exits", |number| {
    if late(number) && is_worker() {
        std::process::exit(0);
    }
    Ok(())
});
static KILLS: Fault = fault("kills", |number| {
    if late(number) && is_worker() {
        let own = std::process::id().to_string();
        let _ = std::process::Command::new("kill").args(["-KILL", &own]).status();
        std::thread::sleep(std::time::Duration::from_secs(10));
    }
    Ok(())
});
static UNPREPARED: Fault = Fault {
    meta: meta("unprepared"),
    prepare: || if is_worker() { Err(Error::failed("no such socket")) } else { Ok(()) },
    run: |_| Ok(()),
    checksum: || 0,
};
static NEVER: Fault = Fault {
    meta: meta("never"),
    prepare: || Err(Error::failed("nothing works here")),
    run: |_| Ok(()),
    checksum: || 0,
};
static WRONG: Fault = Fault {
    meta: meta("wrong"),
    prepare: || Ok(()),
    run: |_| {
        works();
        Ok(())
    },
    checksum: || u64::from(is_worker()),
};
static FINE: Fault = fault("fine", |_| {
    works();
    Ok(())
});

static ALL: [&Fault; 8] = [&FAILS, &PANICS, &EXITS, &KILLS, &UNPREPARED, &NEVER, &WRONG, &FINE];

impl Workload for Fault {
    fn meta(&self) -> &'static Meta {
        // The workloads are statics, but `&self` does not live long enough.
        let found = ALL.iter().find(|fault| fault.meta.name == self.meta.name);
        &found.expect("every fault is a static").meta
    }

    fn prepare(&self, _: &Context<'_>) -> Result<Box<dyn Task>> {
        (self.prepare)()?;
        Ok(Box::new(Going { run: self.run, checksum: self.checksum }))
    }
}

struct Going {
    run: fn(u64) -> Result<()>,
    checksum: fn() -> u64,
}

impl Task for Going {
    fn run(&mut self, number: u64) -> Result<Work> {
        (self.run)(number)?;
        Ok(Work { units: 1, checksum: (self.checksum)() })
    }
}

static WORKLOADS: [&dyn Workload; 8] =
    [&FAILS, &PANICS, &EXITS, &KILLS, &UNPREPARED, &NEVER, &WRONG, &FINE];

fn main() -> ExitCode {
    knee::main_with(&WORKLOADS)
}
