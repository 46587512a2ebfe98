//! `network`: HTTP/1.1 requests over a kept-alive connection of the worker's own.

mod client;
mod pace;
mod response;
mod server;
mod url;

use std::time::Duration;

use crate::{
    BoxFuture, Context, Error, Form, Host, Kind, Meta, Note, Param, Params, Result, Task, Unit,
    Work, Workload, mix,
};
use client::Client;
use server::Server;
use url::Url;

/// Sends requests to a server that knee starts on loopback, which answers with `bytes` bytes after
/// `delay` milliseconds; or to the user's own server at `url=`.
///
/// Each worker keeps one connection. It sends its next request when the answer to the last one has
/// come and was checked: a closed loop, whose latency is the service time only. Loopback goes
/// through the kernel's TCP stack and scheduler, but over no wire. The server computes on the same
/// cores as the workers.
///
/// Answers of knee's own server are compared byte by byte. Those of another server must be complete
/// and of status 2xx. Their content may change, so it is not checked.
#[derive(Debug)]
pub struct Network;

const META: Meta = Meta {
    name: "network",
    summary: "HTTP/1.1 requests over kept-alive TCP on loopback, or to url=",
    kind: Kind::Io,
    unit: Unit { one: "request", many: "requests" },
    params: &[
        Param {
            name: "bytes",
            help: "bytes of each answer's body",
            form: Form::Size { min: 0, max: 64 << 20 },
            default: "1k",
            small: "300",
        },
        Param {
            name: "delay",
            help: "how long the server waits before it answers, in milliseconds",
            form: Form::Number { min: 0.0, max: 60_000.0 },
            default: "2",
            small: "0.1",
        },
        Param {
            name: "url",
            help: "your own server (http only; bytes and delay then mean nothing)",
            form: Form::Text,
            default: "",
            small: "",
        },
    ],
    equivalent: None,
};

/// How long a server may take beyond its delay before the task fails.
const PATIENCE: Duration = Duration::from_secs(30);

impl Workload for Network {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn prepare(&self, context: &Context<'_>) -> Result<Box<dyn Task>> {
        let params = context.params;
        let (url, expected) = match (own_url(params)?, context.host) {
            (Some(url), _) => (url, None),
            (None, Some(address)) => {
                (Url::parse(&format!("http://{address}/"))?, Some(body(params, context.seed)))
            }
            (None, None) => {
                return Err(Error::failed("network: the server on loopback was not started"));
            }
        };
        let client = Client::connect(url, PATIENCE + delay(params))?;
        Ok(Box::new(Requests { client, expected, seed: context.seed }))
    }

    /// Sends one request to the user's own server, so that a wrong address is reported before
    /// anything starts.
    fn supported(&self, params: &Params) -> Result<()> {
        own_url(params).map(drop)
    }

    fn server(&self, params: &Params) -> Option<(String, u16)> {
        own_url(params).ok()?.map(|url| (url.host, url.port))
    }

    fn host(&self, context: &Context<'_>) -> Result<Option<Host>> {
        if let Some(url) = own_url(context.params)? {
            // Checks before any worker is started that the server answers at all.
            let mut client = Client::connect(url, PATIENCE)?;
            client.get(None, |_, _| Ok(()))?;
            return Ok(None);
        }
        let body = body(context.params, context.seed);
        let server = Server::start(body, context.seed, delay(context.params))?;
        Ok(Some(Host { address: server.address().to_string(), keep: Box::new(server) }))
    }

    fn notes(&self, context: &Context<'_>) -> Vec<Note> {
        let text = match context.params.text("url") {
            "" => {
                "loopback: the kernel's TCP stack and scheduler, no wire; the server computes on \
                the same cores"
                    .to_owned()
            }
            url => {
                format!("the answers of {url} were checked for status and length, not for content")
            }
        };
        vec![Note { warning: false, text, remedy: String::new() }]
    }
}

fn own_url(params: &Params) -> Result<Option<Url>> {
    match params.text("url") {
        "" => Ok(None),
        text => Url::parse(text).map(Some),
    }
}

fn delay(params: &Params) -> Duration {
    Duration::from_secs_f64(params.number("delay") / 1e3)
}

/// The body that knee's own server answers with. [`sign`] makes it the answer to one request.
fn body(params: &Params, seed: u64) -> Vec<u8> {
    let mut body = vec![0; params.size("bytes") as usize];
    for (index, bytes) in body.chunks_mut(8).enumerate() {
        bytes.copy_from_slice(&mix(!seed, index as u64).to_le_bytes()[..bytes.len()]);
    }
    body
}

/// Marks a body as the answer to request `number`, in its first bytes.
fn sign(body: &mut [u8], seed: u64, number: u64) {
    let signature = mix(seed, number).to_le_bytes();
    let length = body.len().min(signature.len());
    body[..length].copy_from_slice(&signature[..length]);
}

struct Requests {
    client: Client,
    /// The body that knee's own server answers with; `None` for another server.
    expected: Option<Vec<u8>>,
    seed: u64,
}

impl Requests {
    fn work(&self, number: u64, length: u64) -> Result<Work> {
        match &self.expected {
            Some(expected) if expected.len() as u64 != length => Err(Error::wrong(format!(
                "network: the answer has {length} bytes instead of {}",
                expected.len()
            ))),
            _ => Ok(Work { units: 1, checksum: mix(self.seed, number) }),
        }
    }
}

/// Compares a piece of a body with the expected one.
fn compare(expected: Option<&[u8]>, at: u64, piece: &[u8]) -> Result<()> {
    let Some(expected) = expected else { return Ok(()) };
    let from = usize::try_from(at).unwrap_or(usize::MAX);
    if expected.get(from..).is_some_and(|rest| rest.starts_with(piece)) {
        return Ok(());
    }
    Err(Error::wrong(format!("network: the answer differs within {} bytes from {at}", piece.len())))
}

impl Task for Requests {
    fn run(&mut self, number: u64) -> Result<Work> {
        if let Some(expected) = &mut self.expected {
            sign(expected, self.seed, number);
        }
        let ours = self.expected.as_deref();
        let name = ours.map(|_| number);
        let length = self.client.get(name, |at, piece| compare(ours, at, piece))?;
        self.work(number, length)
    }

    fn run_async(&mut self, number: u64) -> BoxFuture<'_, Result<Work>> {
        Box::pin(async move {
            if let Some(expected) = &mut self.expected {
                sign(expected, self.seed, number);
            }
            let ours = self.expected.as_deref();
            let name = ours.map(|_| number);
            let length = self.client.get_async(name, |at, piece| compare(ours, at, piece)).await?;
            self.work(number, length)
        })
    }
}
