//! What a worker gets of an encrypted run and of secrets: the values themselves. The store has neither.

use std::collections::BTreeMap;
use std::path::Path;

use nexus_engine::{Engine, Secrets};
use nexus_gateway::api::StartRun;
use nexus_gateway::{Client, Control, Server, Service, Setup};
use nexus_tests::{definition_json, until};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::by;

const TOKEN: &str = "t0ken-of-the-images";
const NAME: &str = "a name that is hidden";

const WORKFLOW: &str = "
nexus: v1
name: hidden
encrypt: true
secrets: [IMAGES]
inputs: { who: string }
steps:
  a:
    uses: worker/sign
    with: { who: \"${{ inputs.who }}\", token: \"${{ secrets.IMAGES }}\" }
    retry: { max_attempts: 2, initial: 1ms }
outputs: ${{ steps.a.output }}
";

async fn post(address: &str, path: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let body = body.to_string();
    let request = format!(
        "POST /workers/v1/{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it is text");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| serde_json::from_str(body));
    (status.expect("a status"), body.and_then(Result::ok).unwrap_or_default())
}

/// Whether a file of the store holds the text.
fn holds(folder: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).any(|path| {
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_gets_what_is_hidden_and_the_store_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let secrets = BTreeMap::from([("IMAGES".to_owned(), TOKEN.to_owned())]);
    let engine = Engine::builder().secrets(Kept(secrets)).open(folder.path()).expect("an engine");
    let setup = Setup { role: "serve".into(), store: folder.path().into(), ..Setup::default() };
    let service = Service::new(engine.handle().clone(), setup);
    let server = Server::start(service.clone(), Some("127.0.0.1:0")).await.expect("a server");
    let address = server.tcp().expect("a port").to_string();
    let control = Control::There(Client::find(folder.path()).await.expect("it is there"));
    let request = StartRun {
        definition: definition_json(WORKFLOW),
        callees: Vec::new(),
        workflow: None,
        input: json!({ "who": NAME }),
        name: Some("one".into()),
        labels: BTreeMap::new(),
        folder: None,
        by: by(),
    };
    control.start(request).await.expect("a start");
    let poll = json!({"worker": "w", "handlers": ["sign"], "wait_ms": 20_000});
    let (status, first) = post(&address, "poll", &poll).await;
    assert_eq!((status, &first["input"]), (200, &json!({"who": NAME, "token": TOKEN})));
    // What it says is recorded without the secret, and encrypted.
    let said = |task: &Value, what: &str| {
        format!("tasks/{}/{what}", task["task"].as_str().expect("a name"))
    };
    let token = first["token"].clone();
    let progress = json!({"token": token, "progress": {"name": NAME, "token": TOKEN}});
    assert_eq!(post(&address, &said(&first, "heartbeat"), &progress).await.0, 200);
    until("the progress is recorded", || async {
        let view = control.get("one").await.ok()?;
        (view.steps[0].progress["token"] == "***").then_some(())
    })
    .await;
    let failure = json!({"token": token, "message": format!("{TOKEN} of {NAME} does not fit")});
    assert_eq!(post(&address, &said(&first, "fail"), &failure).await.0, 200);
    let (_, second) = post(&address, "poll", &poll).await;
    assert_eq!((&second["attempt"], &second["progress"]["name"]), (&json!(2), &json!(NAME)));
    let output = json!({"token": second["token"], "output": [TOKEN, NAME]});
    assert_eq!(post(&address, &said(&second, "complete"), &output).await.0, 200);
    let view = control.wait("one", None).await.expect("it ends");
    assert_eq!(view.outputs, json!(["***", NAME]));
    let events = control.history("one", 1, 0).await.expect("a history").events;
    let failed = events.iter().find(|event| event.event == "attempt.failed").expect("it failed");
    assert!(failed.detail.contains(&format!("*** of {NAME}")), "{failed:?}");
    drop(control);
    server.stop().await;
    drop(service);
    engine.shutdown().await;
    assert!(!holds(folder.path(), TOKEN), "the secret is in no file");
    assert!(!holds(folder.path(), NAME), "what is encrypted is in no file");
    assert!(holds(folder.path(), "worker/sign"), "the definition is, so files were looked at");
}

/// Secrets of the test.
struct Kept(BTreeMap<String, String>);

impl Secrets for Kept {
    fn value(&self, name: &str) -> std::io::Result<Option<String>> {
        Ok(self.0.get(name).cloned())
    }

    fn places(&self, name: &str) -> String {
        format!("the test, which has no {name}")
    }
}
