//! `float`: floating-point work that means something when two machines are compared.

mod fma;
mod mandelbrot;
mod nbody;

use crate::{
    Ceiling, Context, Form, Kind, Meta, Note, Param, Params, Result, Task, Unit, Work, Workload,
};

/// Three loops over numbers of 64 bits, chosen by `kernel`:
///
/// - `fma`: independent chains of fused multiply-adds in the widest vectors of the machine: its
///   peak, of which [`Workload::ceiling`] gives the design value. A fused multiply-add counts as
///   two flops.
/// - `mandelbrot`: tiles of a picture of 800 x 800 in vectors, eight flops per iteration of a
///   pixel: wide, but every step waits for the one before, and the number of steps depends on the
///   data.
/// - `nbody`: the outer planets, scalar: dependent additions, divisions and square roots, each
///   counted as one flop; 280 a step.
///
/// Figures of different kernels must not be compared. All results are the same on every machine,
/// whether or not it fuses a multiplication and an addition.
#[derive(Debug)]
pub struct Float;

const META: Meta = Meta {
    name: "float",
    summary: "floating point: peak (fma), vectors with branches (mandelbrot) or a scalar \
        simulation (nbody)",
    kind: Kind::Cpu,
    unit: Unit { one: "flop", many: "flops" },
    params: &[
        Param {
            name: "kernel",
            help: "which loop: fma (the peak), mandelbrot (vectors with branches), nbody (scalar)",
            form: Form::Choice(&["fma", "mandelbrot", "nbody"]),
            default: "fma",
            small: "fma",
        },
        Param {
            name: "scale",
            help: "how much work a task is, in percent of about 2 ms on a core of the 2020s",
            form: Form::Count { min: 1, max: 100_000 },
            default: "100",
            small: "1",
        },
    ],
    equivalent: None,
};

impl Workload for Float {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let run: Run = match context.params.text("kernel") {
            "mandelbrot" => |scale, seed, number| Ok(mandelbrot::run(scale, seed, number)),
            "nbody" => |scale, seed, number| Ok(nbody::run(scale, seed, number)),
            _ => fma::run,
        };
        Ok(Box::new(Kernel { scale: context.params.count("scale"), seed: context.seed, run }))
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let text = match context.params.text("kernel") {
            "nbody" => "scalar instructions: this kernel has no vectors".to_owned(),
            kernel => format!("{kernel} ran in {} vectors", fma::level_name()),
        };
        vec![Note { warning: false, text, remedy: String::new() }]
    }

    /// The peak for `fma`. The other kernels wait for their own results, so there is no design
    /// value for them.
    fn ceiling(&self, params: &Params) -> Option<Ceiling> {
        if params.text("kernel") == "fma" { fma::peak() } else { None }
    }
}

type Run = fn(scale: u64, seed: u64, number: u64) -> Result<Work>;

struct Kernel {
    scale: u64,
    seed: u64,
    run: Run,
}

impl Task for Kernel {
    fn run(&mut self, number: u64) -> Result<Work> {
        (self.run)(self.scale, self.seed, number)
    }
}
