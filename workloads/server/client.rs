//! A client for HTTP/1.1 on hyper. It sends one request after another over a connection that it
//! keeps as long as the server does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::{Error, Result};

mod trust;

/// The reason for a failure when no answer comes.
pub(super) const NO_ANSWER: &str = "no answer";

/// Where requests go.
#[derive(Debug, Clone)]
pub struct Target {
    uri: Uri,
    host: String,
    port: u16,
    /// How TLS is spoken; `None` for plain HTTP. The server's name is not checked, because only
    /// speed is measured.
    tls: Option<(Arc<tokio_rustls::rustls::ClientConfig>, ServerName<'static>)>,
    /// The value of the `Host` field.
    authority: HeaderValue,
    /// The path and the query.
    path: Uri,
}

/// The content of each request besides its address.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

/// A connection, which is made when it is first needed.
#[derive(Debug)]
pub struct Connection {
    target: Arc<Target>,
    request: hyper::Request<Full<Bytes>>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Request {
    /// A request of this method, with header fields such as `Accept: text/html` and a body.
    ///
    /// # Errors
    /// The method or a field is not valid.
    pub fn new(method: &str, headers: &[String], body: Vec<u8>) -> Result<Self> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| {
            Error::usage(format!("{method:?} is not a method; write GET, POST, .."))
        })?;
        let mut all = HeaderMap::new();
        for line in headers {
            let wrong =
                || Error::usage(format!("{line:?} is not a header field; write 'NAME: VALUE'"));
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
            all.append(name, HeaderValue::from_str(value.trim()).map_err(|_| wrong())?);
        }
        Ok(Self { method, headers: all, body: body.into() })
    }
}

impl Target {
    /// Reads an address, such as `http://127.0.0.1:8000/path` or `https://..`.
    ///
    /// # Errors
    /// The text is not such an address.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::usage(format!(
                "{text:?} cannot be asked: {what}; write for instance http://127.0.0.1:8000/path"
            ))
        };
        let uri: Uri = text.parse().map_err(|_| wrong("it is not an address"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("it begins neither with http:// nor with https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a user and password cannot be given"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let tls = if secure {
            let name =
                ServerName::try_from(host.clone()).map_err(|_| wrong("its host is not a name"))?;
            Some((trust::config()?, name))
        } else {
            None
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path: Uri = path.parse().map_err(|_| wrong("its path is not valid"))?;
        let value = HeaderValue::from_str(authority.as_str())
            .map_err(|_| wrong("its host is not valid"))?;
        Ok(Self { host, port, tls, authority: value, path, uri })
    }

    /// Whether its host is this machine.
    pub fn is_here(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        address.map_or(self.host == "localhost", |address| {
            address.is_loopback() || address.is_unspecified()
        })
    }

    /// Its host.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn request(&self, request: &Request) -> hyper::Request<Full<Bytes>> {
        let mut made = hyper::Request::new(Full::new(request.body.clone()));
        *made.method_mut() = request.method.clone();
        *made.uri_mut() = self.path.clone();
        made.headers_mut().insert(HOST, self.authority.clone());
        for (name, value) in &request.headers {
            if name == HOST {
                made.headers_mut().insert(name, value.clone());
            } else {
                made.headers_mut().append(name, value.clone());
            }
        }
        made
    }

    async fn connect(&self) -> std::result::Result<SendRequest<Full<Bytes>>, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| plain(&error))?;
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => begin(TokioIo::new(stream)).await,
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await;
                begin(TokioIo::new(stream.map_err(|error| format!("TLS: {error}"))?)).await
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

/// Starts HTTP over a stream. Must be called within a tokio `LocalSet`.
async fn begin<S>(stream: S) -> std::result::Result<SendRequest<Full<Bytes>>, String>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (sender, connection) = handshake(stream).await.map_err(|error| error.to_string())?;
    tokio::task::spawn_local(async move {
        // An error is reported to the next request over it.
        let _ = connection.await;
    });
    Ok(sender)
}

impl Connection {
    /// A connection to this target, which is made by the first request.
    pub fn new(target: &Arc<Target>, request: &Request) -> Self {
        Self { target: Arc::clone(target), request: target.request(request), sender: None }
    }

    /// Sends a request and waits for the whole answer. If the server has closed the connection
    /// while it was idle, makes a new one.
    ///
    /// # Errors
    /// Why there is no answer of status 2xx, in a few words. Equal reasons have equal words.
    pub async fn ask(&mut self) -> std::result::Result<u64, String> {
        loop {
            let mut used = self.sender.take();
            if let Some(sender) = &mut used
                && sender.ready().await.is_err()
            {
                used = None;
            }
            let fresh = used.is_none();
            let mut sender = match used {
                Some(sender) => sender,
                None => self.target.connect().await?,
            };
            let error = match sender.send_request(self.request.clone()).await {
                Ok(response) => match answer(response).await {
                    Ok((status, length)) => {
                        self.sender = Some(sender);
                        return if status.is_success() {
                            Ok(length)
                        } else {
                            Err(format!("status {}", status.as_u16()))
                        };
                    }
                    Err(error) => return Err(reason(&error)),
                },
                Err(error) => error,
            };
            let stale = error.is_canceled() || error.is_closed() || error.is_incomplete_message();
            if fresh || !stale {
                return Err(reason(&error));
            }
        }
    }
}

/// Reads an answer to its end, and throws it away.
async fn answer(
    response: hyper::Response<hyper::body::Incoming>,
) -> hyper::Result<(hyper::StatusCode, u64)> {
    let status = response.status();
    let (mut body, mut length) = (response.into_body(), 0);
    while let Some(frame) = body.frame().await {
        length += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok((status, length))
}

/// Sends one request from a blocking thread. The error says why there is no answer of status 2xx.
pub(super) fn ask_once(
    target: &Target,
    request: &Request,
    limit: Duration,
) -> std::result::Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut connection = Connection::new(&Arc::new(target.clone()), request);
    let asked = async {
        tokio::time::timeout(limit, connection.ask())
            .await
            .unwrap_or_else(|_| Err(NO_ANSWER.into()))
    };
    tokio::task::LocalSet::new().block_on(&runtime, asked).map(drop)
}

fn reason(error: &hyper::Error) -> String {
    use std::error::Error as _;
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.map_or_else(|| error.to_string(), plain)
}

/// An error of the system in words, without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
