//! Tests with servers and tools that people use: gunicorn, nginx, a Node cluster, and a server that
//! speaks TLS. Each test prints it if its program is missing.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::calls::{
    alive, assert_gone, await_alive, best, has, run, server_in_python, signal, start,
};

const URL: &str = "http://127.0.0.1:{port}/";

/// 5 ms of computing and 20 ms of waiting for each request.
const APP: &str = "import time
def app(environ, start):
    end = time.thread_time() + 0.005
    while time.thread_time() < end:
        pass
    time.sleep(0.02)
    start('200 OK', [('Content-Length', '2')])
    return [b'ok']
";

/// A directory with the app in it. Its name is unique to the test.
fn app(name: &str) -> tempfile::TempDir {
    let prefix = format!("{name}-{}-", std::process::id());
    let directory = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a directory");
    std::fs::write(directory.path().join("app.py"), APP).expect("it is writable");
    directory
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

#[test]
fn gunicorn_does_more_with_more_workers_and_leaves_none() {
    if !has("gunicorn") {
        return;
    }
    let directory = app("sync");
    let place = text(directory.path());
    let line = format!("gunicorn --chdir {place} -w {{n}} -b 127.0.0.1:{{port}} app:app");
    let args = ["--server", &line, "--url", URL, "--workers", "1,4", "--budget", "20s"];
    let called = run(&args);
    assert!(called.ran(), "{called:?}");
    // One worker does at most 40 requests a second.
    assert!(best(&called, 1) < 60.0 && best(&called, 4) > best(&called, 1), "{called:?}");
    for part in ["2 x CPUs + 1", "the client took", "gunicorn"] {
        assert!(called.stdout.contains(part), "{part}: {}", called.stdout);
    }
    assert!(alive(place).is_empty(), "knee ended before its server");
    // gunicorn's idle workers outlive a killed parent, also when knee has started it.
    for wait in [0, 300, 900] {
        let running = start(&args);
        await_alive(place);
        std::thread::sleep(Duration::from_millis(wait));
        signal(running.id(), "-KILL");
        running.finish();
        assert_gone(place);
    }
}

#[test]
fn gunicorn_with_threads_has_a_best_pair() {
    if !has("gunicorn") {
        return;
    }
    let directory = app("gthread");
    let place = text(directory.path());
    let line = format!(
        "gunicorn --chdir {place} -k gthread --threads {{t}} -w {{n}} -b 127.0.0.1:{{port}} app:app"
    );
    let args = ["--server", &line, "--url", URL, "--also", "t=1,4", "--workers", "1,2"];
    let called = run(&[&args[..], &["--budget", "30s", "--json"]].concat());
    assert!(called.ran(), "{called:?}");
    let found: serde_json::Value = serde_json::from_str(&called.stdout).expect("it is JSON");
    assert_eq!(found["axes"][0]["multiplies"], true);
    assert!(found["axes"][0]["best"].is_object(), "{}", found["axes"]);
    assert_gone(place);
}

/// A configuration whose port is `PORT`.
const NGINX: &str = "pid DIR/PORT.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    server { listen 127.0.0.1:PORT; return 200 'ok'; }
}
";

#[test]
fn nginx_is_told_its_worker_processes() {
    if Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no nginx");
        return;
    }
    let prefix = format!("nginx-{}-", std::process::id());
    let directory = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a directory");
    let place = text(directory.path());
    let conf = directory.path().join("nginx.conf");
    std::fs::write(&conf, NGINX.replace("DIR", place)).expect("it is writable");
    let line = format!(
        "sh -c 'sed s/PORT/{{port}}/ {place}/nginx.conf > {place}/{{port}}.conf; \
         exec nginx -c {place}/{{port}}.conf -g \"daemon off; worker_processes {{n}};\"'"
    );
    let args = ["--server", &line, "--url", URL, "--workers", "1,2", "--budget", "12s"];
    let called = run(&args);
    assert!(called.ran(), "{called:?}");
    for sample in &called.record().samples {
        let load = sample.load.as_ref().expect("it was loaded");
        assert!(load.failed.is_empty() && sample.tasks > 10, "{sample:?}");
    }
    assert_gone(place);
}

#[test]
fn a_node_cluster_is_told_its_workers() {
    if !has("node") {
        return;
    }
    let prefix = format!("cluster-{}-", std::process::id());
    let directory = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a directory");
    let file = directory.path().join("server.cjs");
    let program = "const cluster = require('cluster'), http = require('http');
const [, , n, port] = process.argv;
if (cluster.isPrimary) for (let i = 0; i < +n; i++) cluster.fork();
else http.createServer((_, answer) => setTimeout(() => answer.end('ok'), 2))
  .listen(+port, '127.0.0.1');
";
    std::fs::write(&file, program).expect("it is writable");
    let line = format!("node {} {{n}} {{port}}", text(&file));
    let args = ["--server", &line, "--url", URL, "--workers", "1,2", "--budget", "20s"];
    let called = run(&args);
    assert!(called.ran(), "{called:?}");
    assert!(best(&called, 2) > 0.0, "{called:?}");
    assert_gone(text(&file));
}

/// A server that speaks TLS with a self-signed certificate.
const SECURE: &str = r#"
import ssl, threading, time
listener = listener_at(int(sys.argv[2]))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3] + "/cert.pem", sys.argv[3] + "/key.pem")
def serve():
    while True:
        peer, _ = listener.accept()
        try:
            peer = context.wrap_socket(peer, server_side=True)
            if request(peer):
                time.sleep(0.01)
                answer(peer)
        except OSError:
            pass
for _ in range(int(sys.argv[1])):
    threading.Thread(target=serve, daemon=True).start()
while True:
    time.sleep(600)
"#;

#[test]
fn a_server_that_speaks_tls_is_asked_whoever_signed_for_it() {
    if !has("python3") || Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: there is no python3 or no openssl");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let place = text(directory.path());
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(place)
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl runs").success());
    let file = server_in_python(directory.path(), "secure", SECURE);
    let line = format!("python3 {file} {{n}} {{port}} {place}");
    let url = "https://127.0.0.1:{port}/";
    let args = ["--server", &line, "--url", url, "--workers", "1,2", "--budget", "12s"];
    let called = run(&args);
    assert!(called.ran(), "{called:?}");
    assert!(best(&called, 2) > 0.0, "{called:?}");
    // A server that speaks no TLS gets an error that says so.
    let plain = run(&[&args[..2], &["--url", URL, "--time-limit", "2s"], &args[4..]].concat());
    assert!(!plain.ran(), "{plain:?}");
    assert_gone(&file);
}
