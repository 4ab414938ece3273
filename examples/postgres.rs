//! A step that is a transaction of PostgreSQL: the payment and the fact that it was made become durable in one commit.
//!
//! Run it with `cargo run --example postgres`; it reads `PGHOST`, `PGUSER` and `PGDATABASE`.

use std::env::var;

use nexus_connectors::postgres::Transactions;
use nexus_connectors::postgres::deadpool_postgres::{Config, Runtime};
use nexus_connectors::postgres::tokio_postgres::{NoTls, Transaction};
use nexus_engine::prelude::*;

async fn pay(cx: StepCx, transaction: &Transaction<'_>, cents: i64) -> StepResult<i64> {
    let text = "insert into payments (run, cents) values ($1, $2) returning id";
    let run = &*cx.info().run_name;
    let row = transaction.query_one(text, &[&run, &cents]).await?;
    Ok(row.try_get(0)?)
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (host, user) = (var("PGHOST").ok(), var("PGUSER").ok());
    let config = Config { host, user, dbname: var("PGDATABASE").ok(), ..Config::default() };
    let pool = config.create_pool(Some(Runtime::Tokio1), NoTls)?;
    let table = "create table if not exists payments
        (id bigint generated always as identity, run text not null, cents bigint not null)";
    pool.get().await?.batch_execute(table).await?;

    let transactions = Transactions::open(pool).await?;
    let order = Workflow::dag("paid-order", |d, cents| {
        d.step("pay", transactions.step(pay).retry(5).timeout(secs(30)), cents)
    })?;
    let store = std::env::temp_dir().join("nexus-postgres-example");
    let engine = Engine::builder().workflow(&order).open(store)?;
    let run = engine.start(&order, 2500).id("order-A-1").await?;
    print(&format!("{} made payment {}", run.id(), run.result().await?));
    engine.shutdown().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(line: &str) {
    println!("{line}");
}
