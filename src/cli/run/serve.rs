//! `--server`: a server of the user's own, started for each count and kept under load.

use std::collections::BTreeSet;
use std::time::Duration;

use knee_workloads::server::client::Target;

use super::own::json;
use crate::cli::Failure;
use crate::machine::is_this_machine;
use crate::plan::{Named, Plan};
use crate::record::Advice;

/// The heading under which `knee run --help` shows these options.
const HEADING: &str = "Your own server";

/// How long a server may take to get ready, unless the user says otherwise.
const READY: Duration = Duration::from_secs(30);

/// Options about servers.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Serving {
    /// Your own server, e.g. `gunicorn -w {n} -b 127.0.0.1:{port} app:app`: knee starts it with {n}
    /// workers on a free {port}, loads it and ends it. The load is knee's own client, or the
    /// COMMAND after -- with --figure
    #[arg(long, value_name = "COMMAND", conflicts_with = "batch", group = "served",
          help_heading = HEADING)]
    server: Option<String>,
    /// The address to ask, e.g. `http://127.0.0.1:{port}/`
    #[arg(long, value_name = "URL", requires = "served", help_heading = HEADING)]
    url: Option<String>,
    /// How to tell that the server is ready: another address that answers, or an expression that
    /// matches its output
    #[arg(long, value_name = "URL|REGEX", requires = "served", help_heading = HEADING)]
    ready: Option<String>,
    /// Open connections [default: as many as keep the server busy, found at each count]
    #[arg(long, value_name = "N", requires = "served",
          value_parser = clap::value_parser!(u64).range(1..=16384), help_heading = HEADING)]
    connections: Option<u64>,
    /// Threads of knee's client [default: one for two CPUs]
    #[arg(long, value_name = "N", requires = "served",
          value_parser = clap::value_parser!(u64).range(1..=256), help_heading = HEADING)]
    client_threads: Option<u64>,
    /// The method of each request [default: GET]
    #[arg(long, value_name = "METHOD", requires = "served", help_heading = HEADING)]
    method: Option<String>,
    /// A header field of each request, e.g. `Accept: text/html`; can be repeated
    #[arg(long, value_name = "NAME: VALUE", requires = "served", help_heading = HEADING)]
    header: Vec<String>,
    /// The body of each request; @FILE takes it from a file
    #[arg(long, value_name = "TEXT|@FILE", requires = "served", allow_hyphen_values = true,
          help_heading = HEADING)]
    body: Option<String>,
}

impl Serving {
    /// The command line of the server, if one is to be measured.
    pub(super) fn line(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Whether there is an address to ask.
    pub(super) fn has_url(&self) -> bool {
        self.url.is_some()
    }

    /// The workload for the server, with the command that makes the load, if there is one.
    pub(super) fn named(
        &self,
        words: &[String],
        load: &[String],
        figure: Option<String>,
        sweep: Option<&str>,
        limit: Option<Duration>,
    ) -> Result<Named, Failure> {
        let url = self.url.clone().ok_or_else(|| {
            Failure::usage("--server needs an address to ask: --url http://127.0.0.1:{port}/")
        })?;
        Target::parse(&url.replace("{port}", "1")).map_err(Failure::usage)?;
        if !url.contains("{port}") {
            return Err(Failure::usage(format!(
                "--url {url} has no {{port}}, so it would ask something other than the server that \
                 knee starts; write http://127.0.0.1:{{port}}/"
            )));
        }
        let mut given = vec![("server", json(words)), ("url", url)];
        if !load.is_empty() {
            given.push(("argv", json(load)));
        }
        given.extend(figure.map(|rule| ("figure", rule)));
        given.extend(sweep.map(|word| ("sweep", word.to_owned())));
        given.extend(self.ready.iter().map(|text| ("ready", text.clone())));
        given.extend(self.connections.iter().map(|count| ("connections", count.to_string())));
        given.extend(self.client_threads.iter().map(|count| ("threads", count.to_string())));
        given.extend(self.method.iter().map(|method| ("method", method.clone())));
        if !self.header.is_empty() {
            given.push(("headers", json(&self.header)));
        }
        if let Some(body) = &self.body {
            given.push(("body", text_of(body)?));
        }
        given.push(("limit", limit.unwrap_or(READY).as_secs_f64().to_string()));
        let given = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Named { name: "server".to_owned(), given })
    }
}

/// A warning if the address is on another machine, although this machine starts the server.
pub(super) fn warnings(plan: &Plan) -> Vec<Advice> {
    let hosts =
        plan.entries.iter().filter(|entry| entry.workload == "server").filter_map(|entry| {
            let url = entry.params.text("url").replace("{port}", "1");
            Some(Target::parse(&url).ok()?.host().to_owned())
        });
    let away: BTreeSet<String> = hosts.filter(|host| !is_this_machine(host)).collect();
    let warn = |host: String| Advice {
        code: "url-elsewhere".to_owned(),
        text: format!(
            "--url asks {host}, which is not this machine, but knee starts the server here: \
             another server may answer, and its CPU time and memory are not seen"
        ),
        remedy: "write http://127.0.0.1:{port}/ if the server runs here".to_owned(),
    };
    away.into_iter().map(warn).collect()
}

/// The body, from the command line or a file.
fn text_of(body: &str) -> Result<String, Failure> {
    let Some(path) = body.strip_prefix('@') else { return Ok(body.to_owned()) };
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("--body @{path} cannot be read as text: {error}")))
}
