//! How counting primes scales: as a closure, as a closure with memory of its own, and as a workload
//! with parameters.

use knee::workloads::{Context, Form, Kind, Meta, Param, Result, Task, Unit, Work, Workload, mix};
use knee_example::{count, primes_below};

knee::bench::main!(
    knee::bench::Bench::new()
        .closure("allocating", || primes_below(std::hint::black_box(20_000)))
        .prepared("reusing", || vec![true; 20_000], |prime, _| count(prime))
        .workload(&Sieve)
        .workload_with(&Sieve, "below=5000")
);

/// Counts primes below a bound that can be set.
#[derive(Debug)]
struct Sieve;

const META: Meta = Meta {
    name: "sieve",
    summary: "counts primes",
    kind: Kind::Cpu,
    unit: Unit { one: "number", many: "numbers" },
    params: &[Param {
        name: "below",
        help: "the bound up to which primes are counted",
        form: Form::Count { min: 2, max: 1 << 32 },
        default: "20000",
        small: "1000",
    }],
    equivalent: None,
};

impl Workload for Sieve {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let bound = context.params.count("below");
        Ok(Box::new(Sieving { prime: vec![true; bound as usize], seed: context.seed }))
    }
}

/// One worker's own memory.
struct Sieving {
    prime: Vec<bool>,
    seed: u64,
}

impl Task for Sieving {
    fn run(&mut self, number: u64) -> Result<Work> {
        let primes = count(&mut self.prime) as u64;
        Ok(Work { units: self.prime.len() as u64, checksum: mix(self.seed ^ primes, number) })
    }
}
