//! A loop that runs until a condition holds, with a budget. Every answer is recorded: a program that is killed and started again
//! does not ask again what was answered.
//!
//! `cargo run --example agent-loop -- FOLDER` keeps its store in a folder; without one it is thrown away.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use nexus_engine::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) goal: String,
    pub(crate) budget_cents: u32,
}

#[derive(Serialize, Deserialize)]
struct Question {
    goal: String,
    notes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    text: String,
    tool: Option<String>,
    cents: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) spent: u32,
    pub(crate) rounds: usize,
}

/// Stands for a model: it wants to look three things up, then it knows.
async fn think(_: StepCx, asked: Question) -> StepResult<Answer> {
    let known = asked.notes.len();
    let tool = (known < 3).then(|| format!("source {}", known + 1));
    let text = format!("{}: {}", asked.goal, asked.notes.join(", "));
    Ok(Answer { text, tool, cents: 7 })
}

/// Stands for a tool that fails now and then.
async fn use_tool(cx: StepCx, tool: String) -> StepResult<String> {
    if cx.attempt() == 1 && tool.ends_with('2') {
        return Err(StepError::retry("no answer"));
    }
    Ok(format!("what {tool} says"))
}

async fn agent(cx: Cx, task: Task) -> Result<Report> {
    let mut notes = Vec::new();
    let mut spent = 0;
    while spent < task.budget_cents {
        let asked = Question { goal: task.goal.clone(), notes: notes.clone() };
        let answer = cx.step("think", think.retry(5).timeout(secs(30)), asked).await?;
        spent += answer.cents;
        let Some(tool) = answer.tool else {
            return Ok(Report { text: answer.text, spent, rounds: notes.len() });
        };
        notes.push(cx.step("use tool", use_tool.retry(3), tool).await?);
    }
    Err(cx.fail("OVER_BUDGET", format!("{spent} cents are spent")))
}

pub(crate) fn agent_loop() -> Result<Workflow<Task, Report>> {
    Workflow::code("agent", agent)
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let workflow = agent_loop()?;
    let builder = Engine::builder().workflow(&workflow);
    let engine = match std::env::args().nth(1) {
        Some(folder) => builder.open(folder)?,
        None => builder.in_memory()?,
    };
    let enough = Task { goal: "why is the sky blue".into(), budget_cents: 100 };
    let run = engine.start(&workflow, enough).id("report-1").await?;
    println!("{:?}", run.result().await?);
    let little = Task { goal: "why is the sky blue".into(), budget_cents: 14 };
    let run = engine.start(&workflow, little).id("report-2").await?;
    if let Err(error) = run.result().await {
        println!("{error}");
    }
    drop(run);
    engine.shutdown().await;
    Ok(())
}
