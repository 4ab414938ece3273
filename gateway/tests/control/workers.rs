//! The protocol of workers on a real server: what they are handed, what counts of what they say, and what is refused.

use std::net::SocketAddr;
use std::time::Duration;

use nexus_engine::log::{FjallLog, Options};
use nexus_engine::remote::TaskId;
use nexus_engine::tables::TABLES;
use nexus_engine::{Config, Drive};
use nexus_gateway::api::{Act, RunView};
use nexus_gateway::{Control, Server};
use serde_json::{Value, json};

use crate::http::ask;
use crate::support::{House, by, config, open, run, start, until};

/// A worker: its HTTP, without more.
struct Worker(SocketAddr);

impl Worker {
    async fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let head = format!(
            "POST /workers/v1/{path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json",
            self.0
        );
        let (status, answer) = ask(self.0, &head, body).await;
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    async fn poll(&self, wait_ms: u64) -> (u16, Value) {
        let body = json!({"worker": "w1", "handlers": ["resize", "other"], "wait_ms": wait_ms});
        self.post("poll", &body.to_string()).await
    }

    /// The next task.
    async fn task(&self) -> Value {
        let (status, task) = self.poll(10_000).await;
        assert_eq!(status, 200, "{task}");
        task
    }

    /// Says something of a task, under its token unless another is said.
    async fn say(&self, task: &Value, what: &str, mut more: Value) -> (u16, Value) {
        let said = more.as_object_mut().expect("an object");
        said.entry("token").or_insert_with(|| task["token"].clone());
        let path = format!("tasks/{}/{what}", task["task"].as_str().expect("a name"));
        self.post(&path, &more.to_string()).await
    }
}

async fn house() -> (House, Worker, Control) {
    house_as(config()).await
}

async fn house_as(config: Config) -> (House, Worker, Control) {
    let house = House::open_as(config, Some("127.0.0.1:0")).await;
    let worker = Worker(house.server.tcp().expect("a port"));
    let [_, control] = house.controls();
    (house, worker, control)
}

/// `a` is done by a worker.
fn resize(more: Value) -> Value {
    let mut step = json!({
        "id": "a",
        "kind": {"action": {"uses": "worker/resize", "with": {"name": "${{ inputs.who }}", "n": 7}}},
    });
    let Value::Object(more) = more else { panic!("more of a step: {more}") };
    step.as_object_mut().expect("an object").extend(more);
    json!({"name": "images", "input_is_value": true, "steps": [step], "outputs": "${{ steps.a.output }}"})
}

fn retries() -> Value {
    json!({"retry": {
        "max_attempts": 3, "backoff": "constant", "initial_ms": 1, "factor": 1.0, "max_ms": 1,
        "jitter": false, "retry_on": [], "give_up_on": [],
    }})
}

async fn kinds(control: &Control, run: &str) -> Vec<String> {
    let page = control.history(run, 1, 0).await.expect("a history");
    page.events.into_iter().map(|event| event.event).collect()
}

async fn ended(control: &Control, run: &str) -> RunView {
    control.wait(run, Some(Duration::from_secs(20))).await.expect("it ends")
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_carries_out_a_step() {
    let (house, worker, control) = house().await;
    assert_eq!(worker.poll(10).await, (204, Value::Null), "there is nothing to do");
    control.start(start(resize(json!({"timeout_ms": 60_000})), Some("one"))).await.unwrap();
    let task = worker.task().await;
    let view = control.get("one").await.unwrap();
    assert_eq!(task["kind"], "task/v1");
    assert_eq!(task["task"], json!(format!("{}:0", view.stream)));
    assert_eq!(task["input"], json!({"name": "dana", "n": 7}));
    assert_eq!(task["key"].as_str().unwrap().rsplit('/').next(), Some("a"));
    assert_eq!(
        [&task["handler"], &task["run"], &task["workflow"], &task["step"]],
        ["resize", "one", "images", "a"].map(Value::from).each_ref()
    );
    assert_eq!(
        [&task["attempt"], &task["item"], &task["may_repeat"], &task["undo"], &task["progress"]],
        [json!(1), Value::Null, json!(false), json!(false), Value::Null].each_ref()
    );
    assert_eq!(task["lease_ms"], 30_000);
    assert!(task["deadline"].as_str().is_some_and(|at| at.ends_with('Z')), "{task}");
    // It is in the log before it is handed out, and the token is its place there.
    let begun = kinds(&control, "one").await;
    assert_eq!(begun, ["run.started", "step.started"]);
    assert_eq!(task["token"], 2);
    assert_eq!(worker.poll(10).await.0, 204, "it is handed out once");

    let beat = worker.say(&task, "heartbeat", json!({"progress": {"done": 3}})).await;
    let alive = json!({"kind": "heartbeat/v1", "cancelled": false, "lease_ms": 30_000});
    assert_eq!(beat, (200, alive));
    let is_said =
        async || control.get("one").await.unwrap().steps[0].progress == json!({"done": 3});
    until("the progress is recorded", is_said).await;
    let done = worker.say(&task, "complete", json!({"output": {"path": "/x", "n": 1.50}})).await;
    let reported = json!({"kind": "reported/v1", "task": task["task"], "existing": false});
    assert_eq!(done, (200, reported));
    let view = ended(&control, "one").await;
    assert_eq!((&*view.status, view.outputs), ("completed", json!({"path": "/x", "n": 1.5})));
    // What was acknowledged is durable, and saying it again is no mistake and no event.
    let events = kinds(&control, "one").await;
    let again = worker.say(&task, "complete", json!({"output": "other"})).await;
    assert_eq!((again.0, &again.1["existing"]), (200, &json!(true)));
    let failed = worker.say(&task, "fail", json!({"message": "no"})).await;
    assert_eq!(code(&failed), (409, "NX4189"));
    assert!(failed.1["message"].as_str().unwrap().contains("attempt 1 completed"), "{failed:?}");
    assert_eq!(code(&worker.say(&task, "heartbeat", json!({})).await), (409, "NX4189"));
    assert_eq!(kinds(&control, "one").await, events);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_unless_they_are_fatal() {
    let (house, worker, control) = house().await;
    control.start(start(resize(retries()), Some("one"))).await.unwrap();
    let first = worker.task().await;
    let what = json!({"message": "busy", "kind": "BUSY", "details": "503"});
    assert_eq!(worker.say(&first, "fail", what.clone()).await.1["existing"], false);
    assert_eq!(worker.say(&first, "fail", what).await.1["existing"], true, "the same again");
    let second = worker.task().await;
    assert_eq!((&second["attempt"], &second["key"]), (&json!(2), &first["key"]));
    assert!(second["token"].as_u64() > first["token"].as_u64());
    let late = worker.say(&first, "complete", json!({"output": 1})).await;
    assert_eq!(code(&late), (409, "NX4189"));
    let said = late.1["message"].as_str().unwrap();
    let counts = format!("attempt 1 failed: BUSY busy; token {} counts now", second["token"]);
    assert!(said.contains("ignored: stale attempt") && said.ends_with(&counts), "{said}");
    let fatal = json!({"message": "no such image", "retryable": false});
    assert_eq!(worker.say(&second, "fail", fatal).await.0, 200);
    let view = ended(&control, "one").await;
    let error = view.error.unwrap();
    assert_eq!(
        (&*view.status, &*error.code, &*error.message),
        ("failed", "NX3001", "no such image")
    );
    assert_eq!(view.steps[0].attempts, 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_falls_silent_loses_its_task() {
    let worker_lease = Duration::from_millis(1_500);
    let (house, worker, control) = house_as(Config { worker_lease, ..config() }).await;
    control.start(start(resize(retries()), Some("one"))).await.unwrap();
    let first = worker.task().await;
    worker.say(&first, "heartbeat", json!({"progress": 5})).await;
    // Nothing more is heard of it: after the lease there is another attempt, which knows how far the first was.
    let second = worker.task().await;
    assert_eq!((&second["attempt"], &second["progress"]), (&json!(2), &json!(5)));
    for (what, more) in [("complete", json!({"output": 1})), ("heartbeat", json!({}))] {
        let late = worker.say(&first, what, more).await;
        assert_eq!(code(&late), (409, "NX4189"));
        assert!(late.1["message"].as_str().unwrap().contains("NX3048 worker `w1`"), "{late:?}");
    }
    // Heartbeats keep it for longer than the lease: it is the time between them that matters here.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(worker.say(&second, "heartbeat", json!({})).await.0, 200);
    }
    worker.say(&second, "complete", json!({"output": 2})).await;
    assert_eq!(ended(&control, "one").await.outputs, 2);
    let expected = [
        "run.started",
        "step.started",
        "heartbeat.recorded",
        "attempt.failed",
        "retry.scheduled",
        "timer.fired",
        "step.started",
        "step.completed",
        "run.completed",
    ];
    assert_eq!(kinds(&control, "one").await, expected);
    assert!(control.replay("one", None, false).await.unwrap().agrees);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_have_codes() {
    let (house, worker, control) = house().await;
    control.start(start(resize(json!({"heartbeat_ms": 60_000})), Some("one"))).await.unwrap();
    let task = worker.task().await;
    assert_eq!(task["lease_ms"], 60_000, "the step says how long its worker may be silent");
    let events = kinds(&control, "one").await;
    let name = task["task"].as_str().unwrap();
    let (complete, fail) = (format!("tasks/{name}/complete"), format!("tasks/{name}/fail"));
    let deep = format!(r#"{{"token": 2, "output": {}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let large = format!(r#"{{"token": 2, "output": "{}"}}"#, "x".repeat(5 << 20));
    let huge = format!(r#"{{"token": 2, "output": "{}"}}"#, "x".repeat(17 << 20));
    let long = format!(r#"{{"token": 2, "message": "{}"}}"#, "x".repeat(70_000));
    let said = format!(r#"{{"token": 2, "progress": "{}"}}"#, "x".repeat(70_000));
    let cases: &[(&str, &str, u16, &str)] = &[
        ("poll", "{", 400, "NX7019"),
        ("poll", r#"{"worker": "w", "handlers": []}"#, 400, "NX7019"),
        ("poll", r#"{"worker": "", "handlers": ["a"]}"#, 400, "NX7019"),
        ("poll", r#"{"worker": "w", "handlers": ["a/b"]}"#, 400, "NX7019"),
        ("poll", r#"{"worker": "w", "handlers": ["a"], "wait": 5}"#, 400, "NX7019"),
        ("poll", r#"{"worker": "w", "handlers": ["a"], "wait_ms": -5}"#, 400, "NX7019"),
        ("poll", r#"{"worker": "w", "handlers": ["a"], "wait_ms": 60001}"#, 400, "NX7019"),
        (&complete, r#"{"token": 2, "output": NaN}"#, 400, "NX7019"),
        (&complete, r#"{"output": 1}"#, 400, "NX7019"),
        (&complete, r#"{"token": "2", "output": 1}"#, 400, "NX7019"),
        (&complete, &deep, 400, "NX7019"),
        (&complete, &large, 413, "NX7005"),
        (&complete, &huge, 413, "NX7005"),
        (&complete, r#"{"token": 1, "output": 1}"#, 409, "NX4189"),
        (&complete, r#"{"token": 0, "output": 1}"#, 404, "NX7025"),
        (&complete, r#"{"token": 99, "output": 1}"#, 404, "NX7025"),
        ("tasks/x/complete", r#"{"token": 2}"#, 404, "NX7025"),
        (
            "tasks/00000000000000000000000000000000:0/fail",
            r#"{"token": 2, "message": "x"}"#,
            404,
            "NX7025",
        ),
        (&fail, r#"{"token": 2}"#, 400, "NX7019"),
        (&fail, r#"{"token": 2, "message": ""}"#, 400, "NX7019"),
        (&fail, r#"{"token": 2, "message": "x", "kind": "NX3013"}"#, 400, "NX7019"),
        (&fail, r#"{"token": 2, "message": "x", "kind": "a b"}"#, 400, "NX7019"),
        (&fail, &long, 413, "NX7005"),
        (&format!("tasks/{name}/heartbeat"), &said, 413, "NX7005"),
        (&format!("tasks/{name}/heartbeat"), "[]", 400, "NX7019"),
        (&format!("tasks/{name}/pause"), "{}", 404, "NX7021"),
    ];
    for (path, body, status, wanted) in cases {
        let answer = worker.post(path, body).await;
        let shown = body.get(..60).unwrap_or(body);
        assert_eq!(code(&answer), (*status, *wanted), "{path} {shown}: {}", answer.1);
        let hint = answer.1["hint"].as_str().unwrap_or_default();
        assert!(!hint.contains("control-api"), "{path} {shown}: {hint}");
    }
    let answer = worker.post("poll", "{").await;
    assert_eq!(answer.1["hint"], "docs/reference/workers.md describes every request of a worker");
    let answer = worker.post("tasks", "{}").await;
    assert_eq!(answer.1["hint"], "docs/reference/workers.md lists the addresses");
    assert_eq!(kinds(&control, "one").await, events, "nothing was recorded");
    // A page of another origin may not ask; what is no JSON is not looked at.
    let head = format!("POST /workers/v1/poll HTTP/1.1\r\nHost: {}\r\n", worker.0);
    let (status, _) = ask(worker.0, &format!("{head}Origin: http://example.org"), "{}").await;
    assert_eq!(status, 403);
    assert_eq!(ask(worker.0, &format!("{head}Content-Type: text/plain"), "{}").await.0, 400);
    assert_eq!(worker.say(&task, "complete", json!({"output": null})).await.0, 200);
    assert_eq!(ended(&control, "one").await.status, "completed");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_port_that_others_can_reach_is_opened() {
    let (house, ..) = house().await;
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = Server::start(house.service.clone(), Some(address)).await.unwrap_err();
        assert_eq!(refused.code, "NX7004", "{address}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_a_worker_and_says_so() {
    let (house, worker, control) = house().await;
    control.start(start(resize(json!({"timeout_ms": 50})), Some("one"))).await.unwrap();
    until("it waits", async || {
        let view = control.get("one").await.unwrap();
        view.waiting.is_some_and(|on| on.on == "worker" && on.step.as_deref() == Some("a"))
    })
    .await;
    // The time of an attempt runs from when a worker has it: this one waits for longer than that, as a timer shows.
    let nap = json!({"name": "nap", "input_is_value": true, "steps": [{"id": "z", "kind": {"sleep": {"duration": "60ms"}}}]});
    run(&control, nap, "nap").await;
    let why = "a waits for a worker: none has asked for `resize` since the engine was opened at ";
    let view = control.get("one").await.unwrap();
    assert_eq!((&*view.status, view.steps[0].attempts), ("running", 1));
    assert!(view.why.starts_with(why), "{}", view.why);
    assert_eq!(view.steps[0].note.as_ref(), Some(&view.why));
    let told = control.explain("one").await.unwrap();
    assert_eq!(told.causes.len(), 1, "{told:?}");
    let cause = &told.causes[0];
    assert_eq!((&*cause.cause, cause.step.as_deref()), ("no_worker", Some("a")));
    assert!(told.why.starts_with(why) && cause.why == told.why && told.steps[0].why == told.why);
    let at = format!("a worker that offers `resize` asks at http://{}/workers/v1/poll", worker.0);
    assert_eq!(cause.release, at);

    // From now on its time runs.
    let task = worker.task().await;
    assert_eq!(ended(&control, "one").await.error.unwrap().code, "NX3002");
    assert_eq!(code(&worker.say(&task, "complete", json!({})).await), (409, "NX4189"));

    control.start(start(resize(json!({})), Some("two"))).await.unwrap();
    let since = "a waits for a worker: none asks for `resize` since 2";
    let waits = async || control.explain("two").await.unwrap().why.starts_with(since);
    until("it says when the last one asked", waits).await;
    let task = worker.task().await;
    let held = control.explain("two").await.unwrap();
    assert_eq!(held.causes[0].cause, "running");
    assert!(held.why == "a is at work", "{}", held.why);
    assert!(held.steps[0].why.starts_with("a is with worker `w1` for "), "{held:?}");
    let handlers = control.workers().await.unwrap().handlers;
    let shown = |name: &str| handlers.iter().find(|handler| handler.handler == name).unwrap();
    assert_eq!((shown("resize").held, shown("resize").waiting, shown("resize").polls), (1, 0, 0));
    assert!(shown("other").asked_at.is_some());
    assert_eq!(worker.say(&task, "complete", json!({})).await.0, 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_workers_takes_no_room_from_others() {
    let (house, worker, control) = house().await;
    // More than the engine runs at one time, each with an item that waits for a worker.
    let mut many =
        resize(json!({"for_each": {"items": (0..300).collect::<Vec<u32>>(), "concurrency": 300}}));
    many["outputs"] = json!("${{ steps.a.output | length }}");
    control.start(start(many, Some("many"))).await.unwrap();
    let all_wait = async || {
        let handlers = control.workers().await.unwrap().handlers;
        handlers.iter().any(|handler| handler.waiting == 300)
    };
    until("all wait", all_wait).await;
    let told = control.explain("many").await.unwrap();
    assert_eq!(told.causes[0].cause, "no_worker", "{told:?}");
    assert!(told.why.starts_with("item 0 of a waits for a worker: none has asked"), "{told:?}");
    let other = json!({
        "name": "other", "input_is_value": true,
        "steps": [{"id": "b", "kind": {"action": {"uses": "echo", "with": 5}}}],
    });
    control.start(start(other, Some("local"))).await.unwrap();
    assert_eq!(ended(&control, "local").await.status, "completed");
    let mut items = Vec::new();
    for _ in 0..300 {
        let task = worker.task().await;
        items.push(task["item"].as_u64().unwrap());
        let output = json!({"output": task["item"]});
        assert_eq!(worker.say(&task, "complete", output).await.0, 200);
    }
    items.sort_unstable();
    assert_eq!(items, (0..300).collect::<Vec<u64>>());
    assert_eq!(ended(&control, "many").await.outputs, 300);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_tells_its_worker() {
    let grace = Duration::from_secs(3);
    let (house, worker, control) = house_as(Config { grace, ..config() }).await;
    for (run, is_reported) in [("one", true), ("two", false), ("three", false)] {
        control.start(start(resize(json!({})), Some(run))).await.unwrap();
        // The last one is cancelled while it waits for a worker.
        let task = if run == "three" { None } else { Some(worker.task().await) };
        let act = Act { by: by(), ..Act::default() };
        control.cancel(run, act).await.unwrap();
        if let Some(task) = task.as_ref().filter(|_| is_reported) {
            let is_told = async || {
                let beat = worker.say(task, "heartbeat", json!({})).await;
                beat.1["cancelled"] == true
            };
            until("the worker is told", is_told).await;
            let stops = json!({"message": "stopped", "kind": "CANCELLED"});
            assert_eq!(worker.say(task, "fail", stops).await.0, 200);
        }
        assert_eq!(ended(&control, run).await.status, "cancelled");
        if let Some(task) = task.filter(|_| !is_reported) {
            assert_eq!(code(&worker.say(&task, "complete", json!({})).await), (409, "NX4189"));
        }
        assert_eq!(worker.poll(0).await.0, 204, "there is nothing left to hand out");
    }
    house.close().await;
}

/// Ends the engine in order, or as a crash would, and opens another.
async fn another(house: House, in_order: bool) -> (House, Worker, Control) {
    let House { folder, engine, service, server, client, gate } = house;
    drop(client);
    if in_order {
        service.drain_workers().await;
        server.stop().await;
        drop(service);
        engine.shutdown().await;
    } else {
        drop((server, service, engine));
    }
    // The lock goes with the last task of the one before.
    let is_free = async || FjallLog::open(folder.path(), Options::new(TABLES)).is_ok();
    until("nobody keeps the store open", is_free).await;
    let (engine, service) = open(folder.path(), Drive::All, &gate);
    let server = Server::start(service.clone(), Some("127.0.0.1:0")).await.unwrap();
    let worker = Worker(server.tcp().unwrap());
    let client = nexus_gateway::Client::find(folder.path()).await.unwrap();
    let house = House { folder, engine, service, server, client, gate };
    let [_, control] = house.controls();
    (house, worker, control)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_an_engine_that_ended_is_handed_out_anew() {
    for in_order in [true, false] {
        let (mut house, mut worker, mut control) = house().await;
        for run in ["done", "open"] {
            control.start(start(resize(json!({})), Some(run))).await.unwrap();
        }
        let (done, first) = (worker.task().await, worker.task().await);
        assert_eq!(worker.say(&done, "complete", json!({"output": 1})).await.0, 200);
        let mut tokens = vec![first["token"].as_u64()];
        // However often the engine ends: that is not the worker's doing, and no attempt is used up.
        for _ in 0..4 {
            (house, worker, control) = another(house, in_order).await;
            let task = worker.task().await;
            assert_eq!((&task["task"], &task["key"]), (&first["task"], &first["key"]));
            assert_eq!((&task["attempt"], &task["may_repeat"]), (&json!(1), &json!(true)));
            tokens.push(task["token"].as_u64());
        }
        assert!(tokens.is_sorted_by(|one, next| one < next), "{tokens:?}");
        // The worker of the first engine goes on as if nothing had happened.
        for (what, more) in [("heartbeat", json!({})), ("complete", json!({"output": 1}))] {
            let late = worker.say(&first, what, more).await;
            assert_eq!(code(&late), (409, "NX4189"));
            let said = late.1["message"].as_str().unwrap();
            assert!(said.contains("the engine has ended since then; token "), "{said}");
        }
        let last = json!({"token": tokens.last().unwrap(), "output": 2});
        assert_eq!(worker.say(&first, "complete", last).await.0, 200);
        assert_eq!(ended(&control, "open").await.outputs, 2);
        // An answer that got lost is given again, by whichever engine.
        let again = worker.say(&done, "complete", json!({"output": 1})).await;
        assert_eq!((again.0, &again.1["existing"]), (200, &json!(true)));
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_no_worker_had_repeats_nothing_after_an_end_in_order() {
    let (house, _, control) = house().await;
    control.start(start(resize(json!({})), Some("open"))).await.unwrap();
    let (house, worker, _) = another(house, true).await;
    let task = worker.task().await;
    assert_eq!((&task["attempt"], &task["may_repeat"]), (&json!(1), &json!(false)));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_hands_out_nothing_and_takes_what_is_reported() {
    let (house, worker, control) = house().await;
    control.start(start(resize(json!({})), Some("one"))).await.unwrap();
    let task = worker.task().await;
    let polls = tokio::spawn({
        let worker = Worker(worker.0);
        async move { worker.poll(30_000).await }
    });
    let is_asked = async || control.workers().await.unwrap().handlers.iter().any(|it| it.polls > 0);
    until("it asks", is_asked).await;
    house.service.handle().workers().hand_out_nothing();
    assert_eq!(code(&polls.await.unwrap()), (503, "NX7017"));
    assert_eq!(code(&worker.poll(0).await), (503, "NX7017"));
    let refused = control.start(start(resize(json!({})), Some("two"))).await.unwrap_err();
    assert_eq!(refused.code, "NX7017");
    assert_eq!(worker.say(&task, "complete", json!({"output": 3})).await.0, 200);
    assert_eq!(ended(&control, "one").await.outputs, 3);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_goes_while_it_asks_gets_no_task() {
    let (house, worker, control) = house().await;
    let gone = tokio::spawn({
        let worker = Worker(worker.0);
        async move { worker.poll(30_000).await }
    });
    let polls = async || {
        let handlers = control.workers().await.unwrap().handlers;
        handlers.iter().map(|handler| handler.polls).max()
    };
    until("it asks", async || polls().await == Some(1)).await;
    gone.abort();
    until("it is gone", async || polls().await == Some(0)).await;
    control.start(start(resize(json!({})), Some("one"))).await.unwrap();
    let task = worker.task().await;
    assert_eq!(task["attempt"], 1);
    // Two reports at the same time: one event, and both are answered.
    let body = json!({"output": 1});
    let (one, other) = tokio::join!(
        worker.say(&task, "complete", body.clone()),
        worker.say(&task, "complete", body)
    );
    assert_eq!((one.0, other.0), (200, 200));
    let existing = [&one.1["existing"], &other.1["existing"]];
    assert_eq!(existing.iter().filter(|it| ***it == json!(true)).count(), 1, "{existing:?}");
    let completed = kinds(&control, "one").await;
    assert_eq!(completed.iter().filter(|kind| *kind == "step.completed").count(), 1);
    let id: TaskId = task["task"].as_str().unwrap().parse().unwrap();
    assert_eq!(house.service.handle().workers().standing(id), None, "nothing of it is left");
    house.close().await;
}
