//! A function that is repeated: it looks at one page after another, a second apart, until it finds what it looks for.
//!
//! Run it with `cargo run --example watch`.

use nexus_engine::prelude::*;

async fn look(_: StepCx, page: u64) -> StepResult<bool> {
    Ok(page == 3)
}

async fn tell(cx: StepCx, page: u64) -> StepResult<String> {
    Ok(format!("found on page {page}, told under {}", cx.idempotency_key()))
}

async fn watch(cx: Cx, page: u64) -> Result<Next<u64, String>> {
    if !cx.step("look", look.retry(5), page).await? {
        cx.sleep(secs(1)).await?;
        return Ok(Next::Again(page + 1));
    }
    if cx.patched("tell-the-page") {
        return Ok(Next::Done(cx.step("tell", tell, page).await?));
    }
    Ok(Next::Done("found".to_owned()))
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let watch = Workflow::repeat("watch", watch)?;
    let engine = Engine::builder().workflow(&watch).in_memory()?;
    let run = engine.start(&watch, 1).await?;
    print(&run.result().await?);
    engine.shutdown().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn print(line: &str) {
    println!("{line}");
}

#[test]
fn it_runs_to_its_end() {
    main().expect("a program that ends well");
}
