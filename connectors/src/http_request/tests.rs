mod binary;

use std::sync::{Arc, Mutex};

use nexus_engine::handler::StepError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::testing::{Bench, call, text};

/// Answers every connection with the same bytes.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    /// A permit for each request that came in.
    arrived: Arc<Semaphore>,
}

impl Server {
    /// An answer of `None` never comes.
    async fn start(answer: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (requests, arrived) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let server = Self { address, requests, arrived };
        let (requests, arrived) = (Arc::clone(&server.requests), Arc::clone(&server.arrived));
        tokio::spawn(async move {
            loop {
                let mut stream = listener.accept().await.unwrap().0;
                let request = request(&mut stream).await;
                requests.lock().unwrap().push(request);
                arrived.add_permits(1);
                match &answer {
                    Some(answer) => stream.write_all(answer).await.unwrap(),
                    None => std::future::pending().await,
                }
            }
        });
        server
    }

    async fn answering(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let len = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {len}\r\nConnection: close\r\n{headers}\r\n"
        );
        Self::start(Some([head.as_bytes(), body].concat())).await
    }

    fn url(&self) -> String {
        format!("http://{}/orders", self.address)
    }

    fn request(&self) -> String {
        String::from_utf8_lossy(&self.received()).to_ascii_lowercase()
    }

    /// The last request as it came.
    fn received(&self) -> Vec<u8> {
        self.requests.lock().unwrap().last().expect("a request came in").clone()
    }
}

/// Reads a request with its body.
async fn request(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let len = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..len]);
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let expected = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if len == 0 || bytes.len() - end - 4 >= expected.map_or(0, |len| len.parse().unwrap()) {
            return bytes;
        }
    }
}

async fn failure(input: &str) -> StepError {
    call("http.request", input).await.unwrap_err()
}

#[tokio::test]
async fn a_json_response_is_read() {
    let headers = "Content-Type: application/json; charset=utf-8\r\nX-A: 1\r\nX-A: 2\r\n";
    let server = Server::answering("200 OK", headers, r#"{"id": 7}"#).await;
    let input =
        format!(r#"{{"url": "{}?a=1", "query": {{"b": [2, "x y"], "c": null}}}}"#, server.url());
    let output = call("http.request", &input).await.unwrap();
    assert_eq!(
        text(&output),
        r#"{"body":{"id":7},"headers":{"connection":"close","content-length":"9","content-type":"application/json; charset=utf-8","x-a":"1, 2"},"status":200}"#
    );
    let request = server.request();
    assert!(request.starts_with("get /orders?a=1&b=2&b=x+y http/1.1\r\n"), "{request}");
    assert!(!request.contains("idempotency-key"), "{request}");
    assert!(request.contains("user-agent: nexus-engine/"), "{request}");
}

#[tokio::test]
async fn other_methods_carry_the_idempotency_key_and_a_body() {
    let server = Server::answering("201 Created", "", "made").await;
    let url = server.url();
    let input = format!(r#"{{"method": "post", "url": "{url}", "body": {{"total": 3}}}}"#);
    let output = call("http.request", &input).await.unwrap();
    assert!(text(&output).contains(r#""body":"made""#), "{output:?}");
    let request = server.request();
    assert!(request.starts_with("post /orders"), "{request}");
    assert!(
        request.contains("idempotency-key: 07070707070707070707070707070707/pack\r\n"),
        "{request}"
    );
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"total\":3}"), "{request}");

    let headers = r#"{"Idempotency-Key": "mine", "Content-Type": "text/csv", "X-Count": 2}"#;
    let input =
        format!(r#"{{"method": "PUT", "url": "{url}", "body": "a,b", "headers": {headers}}}"#);
    call("http.request", &input).await.unwrap();
    let request = server.request();
    for part in ["idempotency-key: mine\r\n", "content-type: text/csv\r\n", "x-count: 2\r\n"] {
        assert_eq!(request.matches(part).count(), 1, "{request}");
    }
    assert!(!request.contains("wf-007"), "{request}");
    assert!(request.ends_with("\r\n\r\na,b"), "{request}");
}

#[tokio::test]
async fn a_status_decides_whether_to_try_again() {
    for (status, fatal) in [
        ("503 Service Unavailable", false),
        ("500 Internal Server Error", false),
        ("429 Too Many Requests", false),
        ("404 Not Found", true),
        ("400 Bad Request", true),
    ] {
        let server = Server::answering(status, "", "because").await;
        let error = failure(&format!(r#"{{"url": "{}"}}"#, server.url())).await.0;
        assert_eq!((&*error.code, error.fatal), ("NX3020", fatal), "{status}");
        assert_eq!(error.message, format!("the server answered {status}"));
        assert_eq!(error.details.as_deref(), Some("because"));
    }
}

#[tokio::test]
async fn a_step_may_expect_another_status() {
    let server = Server::answering("404 Not Found", "", "").await;
    let url = server.url();
    for (expected, ok) in [("404", true), ("[200, 404]", true), ("200", false), ("[]", false)] {
        let input = format!(r#"{{"url": "{url}", "expect_status": {expected}}}"#);
        assert_eq!(call("http.request", &input).await.is_ok(), ok, "{expected}");
    }
}

#[tokio::test]
async fn the_form_of_a_body_can_be_chosen() {
    let server = Server::answering("200 OK", "Content-Type: application/json\r\n", "[1").await;
    let url = server.url();
    let output = call("http.request", &format!(r#"{{"url": "{url}", "response": "text"}}"#)).await;
    assert!(text(&output.unwrap()).contains(r#""body":"[1""#));
    assert_eq!(failure(&format!(r#"{{"url": "{url}"}}"#)).await.0.code, "NX3018");
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let mut bench = Bench::new();
    bench.options.response_bytes_max = 10;
    for (len, ok) in [(10, true), (11, false)] {
        let server = Server::answering("200 OK", "", &"x".repeat(len)).await;
        let outcome =
            bench.call("http.request", &format!(r#"{{"url": "{}"}}"#, server.url())).await;
        assert_eq!(outcome.is_ok(), ok);
        assert!(outcome.is_ok() || outcome.unwrap_err().0.code == "NX3006");
    }
}

#[tokio::test]
async fn a_slow_server_runs_into_the_timeout() {
    let server = Server::start(None).await;
    let error = failure(&format!(r#"{{"url": "{}", "timeout_ms": 50}}"#, server.url())).await.0;
    assert_eq!((&*error.code, error.fatal), ("NX3021", false));
    assert!(error.message.starts_with("no response in time"), "{}", error.message);
}

#[tokio::test]
async fn a_request_is_given_up_when_the_step_is_stopped() {
    let server = Server::start(None).await;
    let (work, stop) =
        Bench::new().start("http.request", &format!(r#"{{"url": "{}"}}"#, server.url()));
    let work = tokio::spawn(work);
    server.arrived.acquire().await.unwrap().forget();
    stop.stop();
    assert_eq!(work.await.unwrap().unwrap_err().0.code, "NX3016");
}

#[tokio::test]
async fn a_cut_response_and_a_closed_port_may_pass() {
    let server =
        Server::start(Some("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".into())).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/?token=secret", listener.local_addr().unwrap())
    };
    for url in [server.url(), closed] {
        let error = failure(&format!(r#"{{"url": "{url}"}}"#)).await.0;
        assert_eq!((&*error.code, error.fatal), ("NX3021", false), "{}", error.message);
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}

#[tokio::test]
async fn an_input_that_makes_no_request_is_refused() {
    for (input, code) in [
        (r#"{"url": "orders"}"#, "NX3015"),
        (r#"{"url": "ftp://127.0.0.1/"}"#, "NX3015"),
        (r#"{"url": "http://127.0.0.1/", "method": "A B"}"#, "NX3015"),
        (r#"{"url": "http://127.0.0.1/", "headers": {"a b": "c"}}"#, "NX3015"),
        (r#"{"url": "http://127.0.0.1/", "headers": {"a": "b\nc"}}"#, "NX3015"),
        (r#"{"url": "http://127.0.0.1/", "query": {"a": {}}}"#, "NX3015"),
        (r#"{"uri": "http://127.0.0.1/"}"#, "NX3017"),
    ] {
        let error = failure(input).await.0;
        assert_eq!((&*error.code, error.fatal), (code, true), "{input}");
    }
}

/// Calls itself again in a process that finds no certificates.
#[tokio::test]
async fn plain_http_works_without_certificates() {
    if std::env::var_os("SSL_CERT_FILE").is_none_or(|file| file != "/nowhere") {
        let again = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "http_request::tests::plain_http_works_without_certificates"])
            .envs([("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")])
            .output()
            .await
            .unwrap();
        let printed = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && printed.contains("1 passed"), "{printed}");
        return;
    }
    let server = Server::answering("200 OK", "", "").await;
    call("http.request", &format!(r#"{{"url": "{}"}}"#, server.url())).await.unwrap();
    let error = failure(r#"{"url": "https://127.0.0.1:9/"}"#).await.0;
    assert_eq!((&*error.code, error.fatal), ("NX3021", true));
    assert!(error.message.contains("certificates"), "{}", error.message);
}
