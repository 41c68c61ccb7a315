//! Hears clients on a port, and gives none of them more time or memory than an honest one needs.
//!
//! What is behind the cloud's gateway never meets a client that dribbles; this port does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use vitrine_http::auth::SourceAddress;
use vitrine_http::wire::BodyDeadline;

/// What one client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long the head of a request may take, and how long a connection may be idle before it.
    pub head: Duration,
    /// How long a body may take.
    pub body: Duration,
    /// The largest head, in bytes; at least 8 KiB.
    pub head_bytes: usize,
    /// The most header lines.
    pub header_lines: usize,
    /// The most connections at once; others wait.
    pub connections: usize,
}

impl Default for Limits {
    /// A token of 8 KiB and a query of 16 KiB fit; a body of 5 MiB may come at 90 KB/s.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(20),
            body: Duration::from_secs(60),
            head_bytes: 40 * 1024,
            header_lines: 80,
            connections: 512,
        }
    }
}

/// How long requests that are being answered may take to end once the process is told to.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be taken, as when the process has too many files open.
const BREATHER: Duration = Duration::from_millis(100);

/// Serves `routes` until `ended`.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    ended: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let open = GracefulShutdown::new();
    let mut ended = std::pin::pin!(ended);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut ended => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let routes = routes.clone();
                let answer = service_fn(move |mut request: Request<Incoming>| {
                    // The caller's address is the socket's (B36).
                    request.extensions_mut().insert(SourceAddress(peer.ip()));
                    request.extensions_mut().insert(BodyDeadline(limits.body));
                    routes.clone().oneshot(request)
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits.head)
                    .max_buf_size(limits.head_bytes)
                    .max_headers(limits.header_lines)
                    .serve_connection(TokioIo::new(stream), answer);
                let answering = open.watch(connection);
                tokio::spawn(async move {
                    // A client that is slow, hangs up or speaks no HTTP is its own affair.
                    let _ = answering.await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(BREATHER).await,
        }
    }
    tokio::select! {
        () = open.shutdown() => {}
        () = tokio::time::sleep(LAST_ANSWERS) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Instant;

    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use vitrine_http::wire::shape::text;
    use vitrine_http::wire::{Body, Reply, Shape, Wire, with_edge};

    use super::*;

    static NOTE: Shape = Shape { root: "note", members: &[text("text")] };

    #[derive(serde::Deserialize)]
    struct Note {
        text: String,
    }

    impl Wire for Note {
        fn shape() -> &'static Shape {
            &NOTE
        }
    }

    /// A server with short limits on a free port.
    async fn listen(limits: Limits) -> SocketAddr {
        let echo = async |Body(note): Body<Note>| Reply::ok(&NOTE, serde_json::json!({ "text": note.text }));
        let routes = with_edge(Router::new().route("/note", post(echo)).route("/", get(async || "here")));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, routes, limits, std::future::pending()));
        address
    }

    fn short() -> Limits {
        let little = Duration::from_millis(300);
        Limits { head: little, body: little, head_bytes: 8 * 1024, header_lines: 20, ..Limits::default() }
    }

    /// Sends `start`, then `drip` again and again until the server hangs up; returns what it said.
    async fn dribble(address: SocketAddr, start: &str, drip: &str) -> String {
        let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
        to.write_all(start.as_bytes()).await.unwrap();
        let drip = drip.to_owned();
        let dripping = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            while to.write_all(drip.as_bytes()).await.is_ok() {
                ticks.tick().await;
            }
        });
        let mut said = Vec::new();
        // A connection that is closed with bytes unread ends in a reset, which is an end too.
        let _ = tokio::time::timeout(Duration::from_secs(20), from.read_to_end(&mut said))
            .await
            .expect("the server hangs up");
        dripping.abort();
        String::from_utf8(said).unwrap()
    }

    const POST: &str =
        "POST /note HTTP/1.1\r\nhost: x\r\naccept: application/json\r\ncontent-type: application/json\r\n";

    #[tokio::test]
    async fn b41_a_body_that_dribbles_is_told_408_and_hung_up_on() {
        let address = listen(short()).await;
        for start in [
            format!("{POST}content-length: 100000\r\n\r\n{{\"text\":\""),
            format!("{POST}transfer-encoding: chunked\r\n\r\n"),
        ] {
            let drip = if start.contains("chunked") { "1\r\n \r\n" } else { "a" };
            let started = Instant::now();
            let said = dribble(address, &start, drip).await;
            assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
            assert!(said.contains("errorList") && said.contains("urn:vitrine:problem:too-slow"), "{said}");
            assert!(started.elapsed() >= Duration::from_millis(300), "not before its time");
        }
    }

    #[tokio::test]
    async fn b41_a_head_that_dribbles_or_never_comes_is_hung_up_on() {
        let address = listen(short()).await;
        for start in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
            let drip = if start.is_empty() { "" } else { "a" };
            let said = dribble(address, start, drip).await;
            assert!(!said.contains(" 200 "), "{said}");
        }
    }

    #[tokio::test]
    async fn b41_a_head_that_is_too_large_is_refused() {
        let address = listen(Limits { head: Duration::from_secs(20), ..short() }).await;
        for more in [format!("x-large: {}\r\n", "a".repeat(64 * 1024)), "x-many: a\r\n".repeat(100)] {
            let said = dribble(address, &format!("GET / HTTP/1.1\r\nhost: x\r\n{more}\r\n"), "").await;
            assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
        }
    }

    #[tokio::test]
    async fn requests_in_time_are_answered_one_after_the_other_on_one_connection() {
        let address = listen(Limits { body: Duration::from_secs(20), ..short() }).await;
        let body = r#"{"text":"x"}"#;
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 {
            let head = format!("{POST}content-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            let (first, rest) = body.split_at(5);
            stream.write_all(first.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            stream.write_all(rest.as_bytes()).await.unwrap();
            let mut said = String::new();
            while !said.ends_with(body) {
                let mut bytes = [0_u8; 4096];
                let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut bytes)).await;
                let read = read.expect("an answer").unwrap();
                assert!(read > 0, "hung up after {said}");
                said.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            }
            assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        }
    }

    #[tokio::test]
    async fn clients_that_say_nothing_do_not_keep_others_out() {
        let address = listen(Limits { connections: 2, ..short() }).await;
        let silent = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let said = dribble(address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "").await;
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        drop(silent);
    }
}
