//! The HTTP/1.1 server on loopback that answers knee's own requests. It lives as long as its
//! handle.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::pace::Pace;
use super::sign;
use crate::{Error, Result};

/// The largest request that is read.
const MAX_REQUEST: usize = 8 << 10;
/// How many bytes of a body are written together with its head, so that a usual answer is one write
/// and one packet.
const FIRST_PIECE: usize = 16 << 10;

/// A running server; dropping it closes every connection and its port.
pub(super) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How many connections may wait to be accepted. All workers connect at once, and one that finds no
/// place tries again after a second.
const BACKLOG: u32 = 4096;

struct Answers {
    body: Vec<u8>,
    seed: u64,
    pace: Pace,
}

impl Server {
    /// Listens on a port of 127.0.0.1 that the system chooses, on one thread of its own.
    pub(super) fn start(body: Vec<u8>, seed: u64, delay: Duration) -> Result<Self> {
        let cannot =
            |error: io::Error| Error::io("network: cannot start a server on loopback", &error);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        let (listener, pace) = runtime
            .block_on(async {
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
                Ok((socket.listen(BACKLOG)?, Pace::start(delay)?))
            })
            .map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (stop, stopped) = oneshot::channel();
        let answers = Arc::new(Answers { body, seed, pace });
        let thread = thread::Builder::new()
            .name("knee-server".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::spawn(accept(listener, answers));
                    // An error means that the handle was dropped, which is a reason to stop too.
                    let _ = stopped.await;
                });
            })
            .map_err(cannot)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // Its panic, if any, was printed where it happened.
        }
    }
}

async fn accept(listener: TcpListener, answers: Arc<Answers>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let answers = Arc::clone(&answers);
                // The client notices when its connection fails.
                tokio::spawn(async move { serve(stream, &answers).await.ok() });
            }
            // Most likely there are no file descriptors left. Try again when other connections have
            // ended.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut request, mut answer) = (Vec::with_capacity(1024), Vec::new());
    loop {
        let end = loop {
            if let Some(end) = end_of_head(&request) {
                break end;
            }
            if request.len() > MAX_REQUEST {
                return refuse(&mut stream, "431 Request Header Fields Too Large").await;
            }
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        };
        let Some(Wish { number, keep_alive }) = understand(&request[..end]) else {
            return refuse(&mut stream, "400 Bad Request").await;
        };
        request.drain(..end);
        answers.pace.wait().await;
        let rest = answers.write_head(&mut answer, number, keep_alive);
        stream.write_all(&answer).await?;
        stream.write_all(rest).await?;
        if !keep_alive {
            return stream.shutdown().await;
        }
    }
}

async fn refuse(stream: &mut TcpStream, status: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

impl Answers {
    /// Writes the head and the signed beginning of the body; returns what is left of it.
    fn write_head(&self, answer: &mut Vec<u8>, number: u64, keep_alive: bool) -> &[u8] {
        use std::io::Write as _;
        answer.clear();
        let length = self.body.len();
        let connection = if keep_alive { "" } else { "Connection: close\r\n" };
        // Writing to a vector cannot fail.
        let _ = write!(
            answer,
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: \
             {length}\r\n{connection}\r\n"
        );
        let (first, rest) = self.body.split_at(length.min(FIRST_PIECE));
        let at = answer.len();
        answer.extend_from_slice(first);
        sign(&mut answer[at..], self.seed, number);
        rest
    }
}

/// Where the head of the first request ends, empty line included.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// The content of a request.
struct Wish {
    number: u64,
    keep_alive: bool,
}

/// Reads the head of a request. `GET /1f HTTP/1.1` asks for answer number 31. `None` for any other
/// request, also for one with a body.
fn understand(head: &[u8]) -> Option<Wish> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let mut parts = lines.next()?.split(' ');
    let (method, path, version) = (parts.next()?, parts.next()?, parts.next()?);
    if method != "GET" || parts.next().is_some() {
        return None;
    }
    let number = match path.strip_prefix('/')? {
        "" => 0,
        digits => u64::from_str_radix(digits, 16).ok()?,
    };
    let mut keep_alive = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return None,
    };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("connection") {
            keep_alive = !value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding")
            || name.eq_ignore_ascii_case("content-length") && value != "0"
        {
            return None;
        }
    }
    Some(Wish { number, keep_alive })
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
