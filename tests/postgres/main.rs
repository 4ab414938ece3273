//! Steps that are transactions: what they write is written once, though the process ends between the commit and the event.
//!
//! The process that is killed is this test binary again.

mod database;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use database::{Database, is_installed, pool};
use nexus_connectors::postgres::Transactions;
use nexus_connectors::postgres::tokio_postgres::Transaction;
use nexus_engine::prelude::*;
use nexus_engine::{Config, StartRequest};
use serde_json::{Value, json};

const FOLDER: &str = "NEXUS_POSTGRES_FOLDER";
const STORE: &str = "NEXUS_POSTGRES_STORE";
const ROUND: &str = "NEXUS_POSTGRES_ROUND";

/// Kills.
const ROUNDS: u32 = 20;
/// Steps that each kill finds between their commit and its event.
const AT_ONCE: u32 = 10;

/// How often the function was called in this process.
static CALLS: AtomicU32 = AtomicU32::new(0);

async fn pay(_: StepCx, transaction: &Transaction<'_>, order: u32) -> StepResult<String> {
    CALLS.fetch_add(1, Ordering::SeqCst);
    let insert = "insert into payments (order_id) values ($1) returning id";
    let row = transaction.query_one(insert, &[&i64::from(order)]).await?;
    Ok(format!("payment {} of order {order}", row.get::<_, i32>(0)))
}

/// Fails at its first attempt, after it has written.
async fn stumble(cx: StepCx, transaction: &Transaction<'_>, order: u32) -> StepResult<String> {
    let paid = pay(cx.clone(), transaction, order).await?;
    if cx.attempt() == 1 {
        return Err(StepError::retry("the till is stuck"));
    }
    Ok(paid)
}

async fn count(folder: &Path, query: &str) -> i64 {
    let client = pool(folder).get().await.expect("the database is there");
    client.query_one(query, &[]).await.expect("a good query").get(0)
}

async fn make_payments(folder: &Path) {
    let table = "create table payments (id serial primary key, order_id bigint not null)";
    let client = pool(folder).get().await.expect("the database is there");
    client.batch_execute(table).await.expect("it is made");
}

/// The child: the orders of the round before end, then those of this one are paid, and it stays between commit and event.
async fn pay_and_stay(store: &Path) {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from).expect("a child is told");
    let round = std::env::var(ROUND).expect("a child is told").parse::<u32>().expect("a number");
    let stays = Arc::new(AtomicBool::new(false));
    let transactions = Transactions::open(pool(&folder)).await.expect("the database is there");
    let pays = transactions.step(pay);
    let step = {
        let stays = Arc::clone(&stays);
        move |cx: StepCx, order: u32| {
            let (paid, stays) = (pays(cx, order), Arc::clone(&stays));
            async move {
                let paid = paid.await?;
                if stays.load(Ordering::SeqCst) {
                    say("committed");
                    std::future::pending::<()>().await;
                }
                StepResult::Ok(paid)
            }
        }
    };
    let shop = Workflow::dag("shop", |d, order| d.step("pay", step, order)).expect("a workflow");
    let config = Config { concurrency: AT_ONCE, ..Config::default() };
    let engine = Engine::builder().config(config).workflow(&shop).open(store).expect("it opens");
    for order in orders(round.saturating_sub(1)) {
        let run = engine.run::<String>(&name(order));
        let paid = run.result().await.expect("it completes");
        assert!(paid.ends_with(&format!(" of order {order}")), "{paid}");
    }
    assert_eq!(CALLS.load(Ordering::SeqCst), 0, "what has committed is not done again");
    say("ended");
    if round > ROUNDS {
        engine.shutdown().await;
        return;
    }
    stays.store(true, Ordering::SeqCst);
    for order in orders(round) {
        engine.start(&shop, order).id(name(order)).await.expect("it starts");
    }
    std::future::pending::<()>().await;
}

/// A database in which payments can be made.
async fn till() -> (Database, Transactions) {
    let database = Database::start().await;
    make_payments(database.folder()).await;
    let transactions = Transactions::open(pool(database.folder())).await;
    (database, transactions.expect("the database is there"))
}

fn orders(round: u32) -> impl Iterator<Item = u32> {
    let first = round.saturating_sub(1) * AT_ONCE;
    (first..first + if round == 0 { 0 } else { AT_ONCE }).map(|order| order + 1)
}

fn name(order: u32) -> String {
    format!("order-{order}")
}

#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn say(word: &str) {
    println!("{word}");
}

#[test]
fn what_a_killed_process_has_committed_is_neither_lost_nor_done_again() {
    if !is_installed() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Some(store) = std::env::var_os(STORE).map(PathBuf::from) {
        return runtime.block_on(pay_and_stay(&store));
    }
    let (database, store) =
        (runtime.block_on(Database::start()), tempfile::tempdir().expect("a folder"));
    runtime.block_on(make_payments(database.folder()));
    for round in 1..=ROUNDS + 1 {
        let mut child = Command::new(std::env::current_exe().expect("this binary"));
        let this = "what_a_killed_process_has_committed_is_neither_lost_nor_done_again";
        child.args(["--exact", this, "--nocapture", "--test-threads=1"]);
        child.env(FOLDER, database.folder()).env(STORE, store.path()).env(ROUND, round.to_string());
        let mut child = child.stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut said = lines.map_while(std::result::Result::ok).filter(|line| !line.is_empty());
        assert!(said.any(|line| line.ends_with("ended")), "round {round}: the last ones ended");
        if round > ROUNDS {
            assert!(child.wait().expect("it ends").success());
            break;
        }
        let committed = said.filter(|line| line.ends_with("committed")).take(AT_ONCE as usize);
        assert_eq!(committed.count(), AT_ONCE as usize);
        child.kill().expect("it is there");
        child.wait().expect("it ends");
    }
    let all = i64::from(ROUNDS * AT_ONCE);
    for query in [
        "select count(*) from payments",
        "select count(distinct order_id) from payments",
        "select count(*) from nexus_steps where output is not null",
    ] {
        assert_eq!(runtime.block_on(count(database.folder(), query)), all, "{query}");
    }
}

/// Pays what it is given, if it is given something.
async fn pay_some(cx: StepCx, on: &Transaction<'_>, order: Option<u32>) -> StepResult<String> {
    pay(cx, on, order.unwrap_or_default()).await
}

/// Fails when it is called first.
fn mended(first: &Arc<AtomicBool>) -> impl Fn(StepCx, u32) -> Once + Send + Sync + use<> {
    let first = Arc::clone(first);
    move |_, order| {
        let fails = first.swap(false, Ordering::SeqCst);
        std::future::ready(if fails { Err(StepError::fatal("not now")) } else { Ok(order) })
    }
}

type Once = std::future::Ready<StepResult<u32>>;

#[test]
fn work_for_another_input_and_of_encrypted_runs_is_refused() {
    if !is_installed() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (database, transactions) = till().await;
        let text = "nexus: v1
name: shop
inputs: { order: integer }
steps:
  known: { uses: known, with: '${{ inputs.order }}' }
  pay: { needs: known, when_needs: all_done, uses: pay, with: '${{ steps.known.output }}' }
";
        let plan = nexus_definitions::read("shop.workflow.yaml", text).expect("a workflow").plan;
        let fails = Arc::new(AtomicBool::new(true));
        let builder = Engine::builder().handler("known", mended(&fails));
        let engine = builder.handler("pay", transactions.step(pay_some)).in_memory();
        let engine = engine.expect("it opens");
        let request = StartRequest::new(Arc::new(plan)).name("mended").input(json!({"order": 7}));
        engine.handle().start(request).await.expect("it starts");
        let run = engine.run::<Value>("mended");
        let error = run.result().await.expect_err("it fails at first").to_string();
        assert!(error.contains("not now"), "{error}");
        run.retry().await.expect("it goes on");
        let error = run.result().await.expect_err("the order is known now").to_string();
        assert!(error.contains("NX3057"), "{error}");
        engine.shutdown().await;

        let shop = Workflow::dag("shop", |d, order| d.step("pay", transactions.step(pay), order));
        let shop = shop.expect("a workflow");
        let config = Config { encrypt: true, ..Config::default() };
        let engine = Engine::builder().config(config).workflow(&shop).in_memory();
        let engine = engine.expect("it opens");
        let run = engine.start(&shop, 8).await.expect("it starts");
        let error = run.result().await.expect_err("it is encrypted").to_string();
        assert!(error.contains("NX3058"), "{error}");
        assert_eq!(count(database.folder(), "select count(*) from payments").await, 1);
        engine.shutdown().await;
    });
}

#[test]
fn what_a_failed_attempt_has_written_is_rolled_back_and_a_database_that_is_away_is_tried_again() {
    if !is_installed() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (database, transactions) = till().await;
        Transactions::open(pool(database.folder())).await.expect("the table is there");
        let shop = Workflow::dag("shop", |d, order| {
            let step = transactions.step(stumble);
            d.step(
                "pay",
                step.retry(Retry::constant(20, std::time::Duration::from_millis(50))),
                order,
            )
        })
        .expect("a workflow");
        let engine = Engine::builder().workflow(&shop).in_memory().expect("it opens");
        let run = engine.start(&shop, 7).await.expect("it starts");
        assert_eq!(run.result().await.expect("it completes"), "payment 2 of order 7");
        assert_eq!(count(database.folder(), "select count(*) from payments").await, 1);

        drop(database);
        let run = engine.start(&shop, 8).await.expect("it starts");
        let error = run.result().await.expect_err("nobody answers");
        assert!(error.to_string().contains("NX3001"), "{error}");
        engine.shutdown().await;
    });
}
