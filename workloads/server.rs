//! `server`: the user's own server, started with each count of workers and put under load.

pub mod client;
pub mod process;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::foreign::line::{Line, Slot, Values};
use crate::foreign::{argv, environment};
use crate::{Context, Error, Form, Kind, Meta, Param, Params, Result, Task, Unit, Workload};
use client::Request;

/// Starts a server with the wanted number of workers on a free port, and sends requests as fast as
/// it answers.
///
/// The crew is the server. One is started for each count, runs for several rounds, and is ended
/// with all processes that it has started. The load comes from knee's own client, or from a command
/// of the user's that prints its figure.
#[derive(Debug)]
pub struct Server;

const fn text(name: &'static str, help: &'static str) -> Param {
    Param { name, help, form: Form::Text, default: "", small: "" }
}

const META: Meta = Meta {
    name: "server",
    summary: "a server of yours under load: knee run --server 'COMMAND {n} {port}' --url URL",
    kind: Kind::Io,
    unit: Unit { one: "request", many: "requests" },
    params: &[
        text("server", "the server's command line, as a JSON list"),
        text("url", "the URL of the requests, with {port} in place of the port"),
        text("ready", "the URL that must answer before the load begins; empty for the url itself"),
        text(
            "argv",
            "the command that makes the load, as a JSON list; empty for knee's own client",
        ),
        text("figure", "how to find the figure that this command prints, as JSON"),
        text("env", "environment variables for the server, as a JSON object"),
        text("headers", "header fields of each request, as a JSON list of NAME: VALUE"),
        text("body", "the body of each request"),
        Param {
            name: "method",
            help: "the method of each request",
            form: Form::Text,
            default: "GET",
            small: "GET",
        },
        Param {
            name: "sweep",
            help: "the placeholder that the worker count replaces",
            form: Form::Text,
            default: "{n}",
            small: "{n}",
        },
        Param {
            name: "connections",
            help: "connections at once; 0 finds as many as keep the server busy",
            form: Form::Count { min: 0, max: 16_384 },
            default: "0",
            small: "1",
        },
        Param {
            name: "threads",
            help: "threads of knee's client; 0 for one per two CPUs",
            form: Form::Count { min: 0, max: 256 },
            default: "0",
            small: "1",
        },
        Param {
            name: "limit",
            help: "seconds within which the server must be ready, and each answer be there",
            form: Form::Number { min: 0.001, max: 604_800.0 },
            default: "30",
            small: "10",
        },
    ],
    equivalent: None,
};

/// The placeholder of the port in command lines and addresses.
pub const PORT: &str = "{port}";

impl Workload for Server {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn supported(&self, params: &Params) -> Result<()> {
        Settings::read(params).map(drop)
    }

    fn parallel_by_itself(&self, _params: &Params) -> bool {
        true
    }

    /// Guides to web servers advise two workers for each core, and one more.
    fn textbook_optimum(&self, _params: &Params, cores: f64) -> Option<f64> {
        Some(2.0 * cores + 1.0)
    }

    fn prepare(&self, _context: &Context<'_>) -> Result<Box<dyn Task>> {
        Err(Error::unsupported("a server is no task; it is measured in server mode"))
    }
}

/// The parameters, read and checked.
#[derive(Debug)]
pub struct Settings {
    line: Line,
    /// The name of the program, as it was given.
    name: String,
    url: String,
    ready: String,
    request: Request,
    /// The command that makes the load, with placeholders.
    load: Vec<String>,
    figure: String,
    env: BTreeMap<String, String>,
    sweep: String,
    /// Connections at the same time; 0 to have the number found.
    pub connections: usize,
    /// Threads of the client; 0 leaves it to knee.
    pub threads: usize,
    /// How long the server may take to be ready, and how long each answer may take.
    pub limit: Duration,
}

impl Settings {
    /// Reads the parameters of a server.
    ///
    /// # Errors
    /// A value that is not valid, with what would be right.
    pub fn read(params: &Params) -> Result<Self> {
        let words = argv("server", "server", params.text("server"))?;
        let sweep = params.text("sweep");
        let line = Line::of_server(&words, sweep, PORT)?;
        let name = words[0].clone();
        if !line.has(Slot::Port) {
            return Err(Error::usage(format!(
                "{PORT} occurs nowhere in the server's command; knee starts it on a free port of \
                 its own choice: write {PORT} where the port belongs"
            )));
        }
        if !line.has(Slot::Workers) {
            return Err(Error::usage(format!(
                "{sweep} occurs nowhere in the server's command, so every count would run the \
                 same; put it where the number of workers belongs"
            )));
        }
        let url = params.text("url").to_owned();
        let load = match params.text("argv") {
            "" => Vec::new(),
            text => argv("server", "argv", text)?,
        };
        if let Some(program) = load.first() {
            crate::foreign::line::find(program)?;
        }
        if !load.is_empty() && params.text("figure").is_empty() {
            return Err(Error::usage(
                "a command that makes the load must say how much it was; say how by --figure (wrk, \
                 ab, hey or an expression)",
            ));
        }
        let headers: Vec<String> = match params.text("headers") {
            "" => Vec::new(),
            text => serde_json::from_str(text).map_err(|error| {
                Error::usage(format!("server: headers must be a JSON list: {error}"))
            })?,
        };
        let body = params.text("body").as_bytes().to_vec();
        let request = Request::new(params.text("method"), &headers, body)?;
        // Checks the address now, with any port.
        client::Target::parse(&url.replace(PORT, "1"))?;
        let ready = params.text("ready").to_owned();
        if is_url(&ready) {
            client::Target::parse(&ready.replace(PORT, "1"))?;
        } else if !ready.is_empty() {
            process::ready_line(&ready)?;
        }
        Ok(Self {
            line,
            name,
            url,
            ready,
            request,
            load,
            figure: params.text("figure").to_owned(),
            env: environment("server", params)?,
            sweep: sweep.to_owned(),
            connections: params.count("connections") as usize,
            threads: params.count("threads") as usize,
            limit: Duration::from_secs_f64(params.number("limit")),
        })
    }

    /// The target of requests, at this port.
    ///
    /// # Errors
    /// The address is not valid.
    pub fn target(&self, port: u16) -> Result<client::Target> {
        client::Target::parse(&self.url.replace(PORT, &port.to_string()))
    }

    /// The content of each request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The parameters of the command that makes the load against this port; `None` where knee's own
    /// client makes it.
    pub fn load(&self, port: u16) -> Option<Params> {
        if self.load.is_empty() {
            return None;
        }
        let words: Vec<String> =
            self.load.iter().map(|word| word.replace(PORT, &port.to_string())).collect();
        let swept = words.iter().any(|word| word.contains(&self.sweep));
        let words = serde_json::to_string(&words).unwrap_or_default();
        let limit = self.limit.as_secs_f64().to_string();
        let given = [
            ("argv", words.as_str()),
            ("figure", self.figure.as_str()),
            ("limit", limit.as_str()),
            ("sweep", if swept { self.sweep.as_str() } else { "" }),
        ];
        Params::resolve("command", crate::Command.meta().params, given).ok()
    }

    /// The words of the server's command line.
    fn words(&self, workers: usize, port: u16) -> Vec<String> {
        self.line.words(Values { worker: 0, workers, task: 0, port })
    }
}

/// Whether this is an address rather than an expression.
fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
}
