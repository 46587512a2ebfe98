//! `function`: the user's own function in another language. Its crew lives in a helper of that
//! language.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::foreign::environment;
use crate::{Context, Error, Form, Kind, Meta, Param, Params, Result, Task, Unit, Workload};

/// Names a function for a helper. The helper runs it in the threads, processes or event loop of its
/// own language; this process cannot run it.
#[derive(Debug)]
pub struct Function;

/// What a helper must know to run a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// The language, by its name in the table of helpers.
    pub language: String,
    /// The interpreter to start; empty for the language's usual one.
    pub program: String,
    /// The function: `FILE.py:FUNCTION`.
    pub function: String,
    /// The function that makes a worker's own state; empty where there is none.
    pub setup: String,
    /// How many tasks are handed over at once.
    pub chunk: u64,
    /// How the language starts processes; empty for its usual way.
    pub start: String,
    /// Environment variables that the helper is given.
    pub env: BTreeMap<String, String>,
    /// How long one task may take.
    pub limit: Duration,
}

const META: Meta = Meta {
    name: "function",
    summary: "calls a function of yours: knee run --python FILE.py:FUNCTION",
    kind: Kind::Cpu,
    unit: Unit { one: "call", many: "calls" },
    params: &[
        Param {
            name: "language",
            help: "the language that the function is written in",
            form: Form::Text,
            default: "python",
            small: "python",
        },
        Param {
            name: "program",
            help: "the interpreter, such as python3.13; empty for the usual one",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "call",
            help: "the function: FILE.py:FUNCTION or package.module:function",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "setup",
            help: "the function that runs once per worker and whose result is given to the \
                function",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "chunk",
            help: "tasks that are handed over at once",
            form: Form::Count { min: 1, max: 1_000_000 },
            default: "1",
            small: "1",
        },
        Param {
            name: "start-method",
            help: "how processes are started: fork, forkserver or spawn; empty for the language's \
                usual way",
            form: Form::Choice(&["", "fork", "forkserver", "spawn"]),
            default: "",
            small: "",
        },
        Param {
            name: "env",
            help: "environment variables for the helper, as a JSON object",
            form: Form::Text,
            default: "",
            small: "",
        },
        Param {
            name: "limit",
            help: "seconds that one task may take",
            form: Form::Number { min: 0.001, max: 604_800.0 },
            default: "600",
            small: "10",
        },
    ],
    equivalent: None,
};

impl Workload for Function {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn supported(&self, params: &Params) -> Result<()> {
        environment("function", params).map(drop)
    }

    fn prepare(&self, _context: &Context<'_>) -> Result<Box<dyn Task>> {
        Err(Error::unsupported(
            "a function of another language runs in a helper, not in this process",
        ))
    }

    fn foreign(&self, params: &Params) -> Option<Foreign> {
        let text = |name: &str| params.text(name).to_owned();
        Some(Foreign {
            language: text("language"),
            program: text("program"),
            function: text("call"),
            setup: text("setup"),
            chunk: params.count("chunk"),
            start: text("start-method"),
            env: environment("function", params).unwrap_or_default(),
            limit: Duration::from_secs_f64(params.number("limit")),
        })
    }
}
