//! One kept-alive connection and the requests over it, blocking or async.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::response::Response;
use super::url::Url;
use crate::{Error, Result};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

pub(super) struct Client {
    url: Url,
    patience: Duration,
    stream: Stream,
    request: String,
    buffer: Vec<u8>,
}

/// The connection, in the form in which it was last used.
enum Stream {
    Closed,
    Blocking(TcpStream),
    Async(tokio::net::TcpStream),
}

/// Why an exchange failed, and whether it may be tried again on a new connection.
struct Failure {
    error: Error,
    /// The server closed the idle connection before it saw the request. A server may do that, so it
    /// is no failure.
    stale: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, stale: false }
    }
}

impl Client {
    /// Connects. Any answer that takes longer than `patience` is an error.
    pub(super) fn connect(url: Url, patience: Duration) -> Result<Self> {
        let stream = Stream::Blocking(connect(&url, patience)?);
        Ok(Self { url, patience, stream, request: String::new(), buffer: vec![0; 1 << 16] })
    }

    /// Requests the body named `name`, or the URL's own path. Calls back for each piece of the body
    /// and returns its length.
    pub(super) fn get(
        &mut self,
        name: Option<u64>,
        mut piece: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<u64> {
        self.write_request(name);
        loop {
            let (mut stream, fresh) = self.blocking_stream()?;
            let mut response = Response::new();
            match exchange(&mut stream, &self.request, &mut self.buffer, &mut response, &mut piece)
            {
                Ok(()) => {
                    if response.keeps_alive() {
                        self.stream = Stream::Blocking(stream);
                    }
                    return Ok(response.body_length());
                }
                Err(failure) if failure.stale && !fresh => {}
                Err(failure) => return Err(failure.error),
            }
        }
    }

    /// Like [`get`](Self::get), without holding the thread.
    pub(super) async fn get_async(
        &mut self,
        name: Option<u64>,
        mut piece: impl FnMut(u64, &[u8]) -> Result<()> + Send,
    ) -> Result<u64> {
        self.write_request(name);
        loop {
            let (mut stream, fresh) = self.async_stream().await?;
            let mut response = Response::new();
            let exchange = exchange_async(
                &mut stream,
                &self.request,
                &mut self.buffer,
                &mut response,
                &mut piece,
            );
            match tokio::time::timeout(self.patience, exchange).await {
                Ok(Ok(())) => {
                    if response.keeps_alive() {
                        self.stream = Stream::Async(stream);
                    }
                    return Ok(response.body_length());
                }
                Ok(Err(failure)) if failure.stale && !fresh => {}
                Ok(Err(failure)) => return Err(failure.error),
                Err(_) => return Err(failed(&io::ErrorKind::TimedOut.into(), false, false).error),
            }
        }
    }

    fn write_request(&mut self, name: Option<u64>) {
        self.request.clear();
        // Writing to a string cannot fail.
        let _ = match name {
            Some(name) => write!(self.request, "GET /{name:x} HTTP/1.1\r\n"),
            None => write!(self.request, "GET {} HTTP/1.1\r\n", self.url.path),
        };
        let agent = concat!("knee/", env!("CARGO_PKG_VERSION"));
        let _ = write!(
            self.request,
            "Host: {}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n",
            self.url
        );
    }

    /// The connection for a blocking thread, and whether it is new. The caller puts it back after a
    /// successful exchange.
    fn blocking_stream(&mut self) -> Result<(TcpStream, bool)> {
        let kept = match std::mem::replace(&mut self.stream, Stream::Closed) {
            Stream::Blocking(stream) => Some(stream),
            Stream::Async(stream) => {
                let stream = stream.into_std().and_then(|s| s.set_nonblocking(false).map(|()| s));
                Some(stream.map_err(|error| Error::io("network: cannot take over", &error))?)
            }
            Stream::Closed => None,
        };
        match kept {
            Some(stream) => Ok((stream, false)),
            None => Ok((connect(&self.url, self.patience)?, true)),
        }
    }

    async fn async_stream(&mut self) -> Result<(tokio::net::TcpStream, bool)> {
        let take_over = |stream: TcpStream| {
            let stream = stream.set_nonblocking(true).map(|()| stream);
            stream
                .and_then(tokio::net::TcpStream::from_std)
                .map_err(|error| Error::io("network: cannot take over", &error))
        };
        match std::mem::replace(&mut self.stream, Stream::Closed) {
            Stream::Async(stream) => Ok((stream, false)),
            Stream::Blocking(stream) => Ok((take_over(stream)?, false)),
            Stream::Closed => {
                // Looking up a name blocks, so it is done on a blocking thread.
                let (url, patience) = (self.url.clone(), self.patience);
                let made = tokio::task::spawn_blocking(move || connect(&url, patience)).await;
                let stream = made.map_err(|error| Error::failed(format!("network: {error}")))??;
                Ok((take_over(stream)?, true))
            }
        }
    }
}

/// Connects to the first address of the name that accepts.
fn connect(url: &Url, patience: Duration) -> Result<TcpStream> {
    let cannot = |error: &io::Error| {
        // EMFILE is the one failure that a large number of workers causes by itself.
        let hint = match error.raw_os_error() {
            Some(24) => "; raise the limit with `ulimit -n` or use fewer workers",
            _ => "",
        };
        Error::failed(format!("network: cannot connect to {url}: {error}{hint}"))
    };
    let addresses = (url.host.as_str(), url.port).to_socket_addrs().map_err(|e| cannot(&e))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|error| cannot(&error))?;
                stream.set_read_timeout(Some(patience)).map_err(|error| cannot(&error))?;
                stream.set_write_timeout(Some(patience)).map_err(|error| cannot(&error))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(cannot(&last))
}

fn exchange(
    stream: &mut TcpStream,
    request: &str,
    buffer: &mut [u8],
    response: &mut Response,
    piece: &mut dyn FnMut(u64, &[u8]) -> Result<()>,
) -> Result<(), Failure> {
    stream.write_all(request.as_bytes()).map_err(|error| failed(&error, false, true))?;
    let mut started = false;
    while !response.is_done() {
        match stream.read(buffer) {
            Ok(0) if !started => {
                return Err(failed(&io::ErrorKind::UnexpectedEof.into(), false, true));
            }
            Ok(0) => response.close()?,
            Ok(count) => response.feed(&buffer[..count], piece)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(&error, started, true)),
        }
        started = true;
    }
    Ok(())
}

async fn exchange_async(
    stream: &mut tokio::net::TcpStream,
    request: &str,
    buffer: &mut [u8],
    response: &mut Response,
    piece: &mut (dyn FnMut(u64, &[u8]) -> Result<()> + Send),
) -> Result<(), Failure> {
    stream.write_all(request.as_bytes()).await.map_err(|error| failed(&error, false, true))?;
    let mut started = false;
    while !response.is_done() {
        match stream.read(buffer).await {
            Ok(0) if !started => {
                return Err(failed(&io::ErrorKind::UnexpectedEof.into(), false, true));
            }
            Ok(0) => response.close()?,
            Ok(count) => response.feed(&buffer[..count], piece)?,
            Err(error) => return Err(failed(&error, started, true)),
        }
        started = true;
    }
    Ok(())
}

/// Turns an error on the connection into a failure. `started` says whether a part of the response
/// had come.
fn failed(error: &io::Error, started: bool, may_be_stale: bool) -> Failure {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock,
    };
    let kind = error.kind();
    let lost = matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof);
    let error = match kind {
        TimedOut | WouldBlock => Error::failed("network: the server does not answer in time"),
        UnexpectedEof => Error::failed("network: the server closed the connection unanswered"),
        _ => Error::io("network: the connection failed", error),
    };
    Failure { error, stale: may_be_stale && lost && !started }
}
