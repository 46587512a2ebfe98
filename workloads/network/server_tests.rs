//! Tests of the server and the client, with each other and with other clients and servers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener as StdListener, TcpStream as StdStream};

use super::*;
use crate::network::Network;
use crate::{Context, Params, Task, Workload as _};

fn params(given: &[(&str, &str)]) -> Params {
    Params::resolve("network", Network.meta().params, given.iter().copied()).unwrap()
}

fn context<'a>(params: &'a Params, host: Option<&'a str>) -> Context<'a> {
    Context { params, seed: 5, worker: 0, workers: 1, shared: std::path::Path::new("."), host }
}

fn raw(address: &str, request: &[u8]) -> String {
    let mut stream = StdStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // A refused connection may be reset, which ends the answer as well.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn strangers_get_an_answer_or_a_refusal() {
    let params = params(&[("bytes", "3"), ("delay", "0")]);
    let host = Network.host(&context(&params, None)).unwrap().unwrap();
    assert!(host.address.starts_with("127.0.0.1:"), "{}", host.address);
    let ask = |request: &str| raw(&host.address, request.as_bytes());
    let good = ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(
        good.starts_with("HTTP/1.1 200 OK\r\n") && good.contains("Content-Length: 3"),
        "{good}"
    );
    assert!(ask("GET / HTTP/1.0\r\n\r\n").contains("200 OK"));
    let two = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(two).matches("200 OK").count(), 2);
    for bad in [
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /xyz HTTP/1.1\r\n\r\n",
        "GET / HTTP/3\r\n\r\n",
        "\x16\x03\x01\r\n\r\n",
    ] {
        assert!(ask(bad).contains("400 Bad Request"), "{bad:?}");
    }
    assert!(ask(&"A: b\r\n".repeat(4000)).contains("431"));
}

#[test]
fn a_dropped_server_leaves_no_port_and_no_connection() {
    let params = params(&[("delay", "60000")]);
    let host = Network.host(&context(&params, None)).unwrap().unwrap();
    let mut stream = StdStream::connect(&host.address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let address = host.address.clone();
    drop(host);
    assert!(StdStream::connect(&address).is_err());
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(matches!(stream.read(&mut [0; 9]), Ok(0) | Err(_)));
}

#[test]
fn hundreds_of_connections_are_served_at_once() {
    let params = params(&[("bytes", "100"), ("delay", "20")]);
    let host = Network.host(&context(&params, None)).unwrap().unwrap();
    let context = context(&params, Some(&host.address));
    let tasks: Vec<Box<dyn Task>> = (0..300).map(|_| Network.prepare(&context).unwrap()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let requests: Vec<_> = tasks
            .into_iter()
            .zip(0..)
            .map(|(mut task, number)| tokio::spawn(async move { task.run_async(number).await }))
            .collect();
        for request in requests {
            request.await.unwrap().unwrap();
        }
    });
}

#[test]
fn bodies_of_many_packets_are_compared() {
    for bytes in ["0", "1", "8", "16k", "17k", "1M"] {
        let params = params(&[("bytes", bytes), ("delay", "0")]);
        let host = Network.host(&context(&params, None)).unwrap().unwrap();
        let mut task = Network.prepare(&context(&params, Some(&host.address))).unwrap();
        for number in [0, 1, u64::MAX] {
            task.run(number).unwrap();
        }
    }
}

/// A server that answers each connection with the next of `answers` and closes it.
fn stranger(answers: Vec<&'static [u8]>) -> (String, JoinHandle<()>) {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer);
        }
    });
    (url, thread)
}

#[test]
fn a_connection_that_was_closed_while_idle_is_made_anew() {
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let (url, thread) = stranger(vec![answer; 3]);
    let params = params(&[("url", &url)]);
    let mut task = Network.prepare(&context(&params, None)).unwrap();
    for number in 0..3 {
        task.run(number).unwrap();
    }
    thread.join().unwrap();
    let gone = task.run(3).unwrap_err().to_string();
    assert!(gone.contains("cannot connect"), "{gone}");
}

#[test]
fn a_server_of_another_mind_is_told_before_the_start() {
    let busy: &[u8] = b"HTTP/1.1 503 Busy\r\n\r\n";
    for (answers, why) in [
        (vec![busy], "answers 503 Busy"),
        // The second time is on a new connection.
        (vec![b"", b""], "closed the connection unanswered"),
        (vec![b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"], "middle"),
    ] {
        let (url, thread) = stranger(answers);
        let params = params(&[("url", &url)]);
        // Planning sends no request.
        Network.supported(&params).unwrap();
        let error = Network.host(&context(&params, None)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        thread.join().unwrap();
    }
    let nobody = params(&[("url", "http://127.0.0.1:1/")]);
    let refused = Network.host(&context(&nobody, None)).unwrap_err();
    assert!(refused.to_string().contains("cannot connect to 127.0.0.1:1"), "{refused}");
    assert!(Network.supported(&params(&[("url", "https://a/")])).unwrap_err().is_usage());
}

#[test]
fn a_wrong_body_is_told() {
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    let (url, thread) = stranger(vec![answer]);
    let params = params(&[("bytes", "3")]);
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/x").unwrap();
    let mut task = Network.prepare(&context(&params, Some(address))).unwrap();
    let error = task.run(0).unwrap_err().to_string();
    assert!(error.starts_with("wrong result"), "{error}");
    thread.join().unwrap();
}
