//! What the audit says of events of aggregates: who did it and what, or nothing where nobody asked for it.

use super::*;
use crate::breaker::{
    BreakerClosed, BreakerEvent, BreakerHalfOpened, BreakerOpened, BreakerReset, BreakerWoken,
    CallAllowed, CallOutcome, CallOver, CallRefused, CallRequested, Rule,
};
use crate::id::{DefinitionHash, RunId};
use crate::limit::{
    Holder, LimitEvent, LimitSet, LimitWoken, Rate, RequestWithdrawn, Size, SlotGranted,
    SlotReleased, SlotRequested, Wish,
};
use crate::pauses::{PauseEvent, Scope, StorePaused, StoreResumed};
use crate::schedule::{
    Backfilled, Changed, Deleted, Paused, RunEnded, RunStarted, TimeCame, Triggered,
};
use crate::start_key::{
    KeptCancelled, KeptDue, RunBegun, RunNotBegun, RunRequest, RunToStart, StartAdmitted,
    StartKept, StartKeyEvent,
};
use crate::topic::{EventEmitted, EventsDelivered, TopicEvent, TriggerRemoved, TriggerSet};
use crate::versions::{CurrentChosen, VersionEvent, VersionPublished};

fn by() -> Actor {
    Actor { name: "ada".to_owned(), via: "cli".to_owned() }
}

/// Checks what is said of each event by ada; empty: nothing.
#[track_caller]
fn check(said: &[(Event, &str)]) {
    for (event, expected) in said {
        let audit = event.audit();
        let who = by();
        assert_eq!(audit.as_ref().map(|(by, _)| *by), Some(&who).filter(|_| !expected.is_empty()));
        assert_eq!(audit.map_or(String::new(), |(_, text)| text), **expected, "{event:?}");
    }
}

#[test]
fn of_a_schedule_it_says_what_people_did() {
    let Event::Schedule(ScheduleEvent::Created(Created { spec, next, .. })) = created() else {
        panic!("a schedule")
    };
    let paused = |reason: &str| Paused { by: by(), reason: reason.to_owned() };
    let dues = vec![Timestamp(1), Timestamp(2)];
    let (from, to) = (Timestamp(0), Timestamp(3));
    let said = [
        (ScheduleEvent::Created(Created { spec: spec.clone(), next, by: by() }), "created"),
        (ScheduleEvent::Changed(Changed { spec, next, by: by() }), "changed"),
        (ScheduleEvent::Paused(paused("")), "paused"),
        (ScheduleEvent::Paused(paused("holidays")), "paused: holidays"),
        (ScheduleEvent::Resumed(crate::schedule::Resumed { next, by: by() }), "resumed"),
        (ScheduleEvent::Deleted(Deleted { by: by() }), "deleted"),
        (ScheduleEvent::Triggered(Triggered { by: by() }), "triggered"),
        (ScheduleEvent::Backfilled(Backfilled { from, to, dues, by: by() }), "backfilled, 2 runs"),
        (
            ScheduleEvent::TimeCame(TimeCame {
                timer: TimerId(1),
                dues: vec![from],
                passed: None,
                next,
            }),
            "",
        ),
        (
            ScheduleEvent::RunStarted(RunStarted {
                due: from,
                run: RunId::default(),
                existing: false,
            }),
            "",
        ),
        (ScheduleEvent::RunEnded(RunEnded { due: from, status: "completed".to_owned() }), ""),
    ];
    check(&said.map(|(event, text)| (Event::Schedule(event), text)));
}

#[test]
fn of_pauses_it_says_what_is_paused_and_why() {
    let paused = |scope, reason: &str| {
        PauseEvent::StorePaused(StorePaused { scope, by: by(), reason: reason.to_owned() })
    };
    let order = || Scope::Workflow("order".to_owned());
    let label = Scope::Label("team".to_owned(), "shop".to_owned());
    let said = [
        (paused(Scope::Engine, ""), "paused the engine"),
        (paused(order(), "the bank is closed"), "paused workflow order: the bank is closed"),
        (paused(label, ""), "paused label team=shop"),
        (
            PauseEvent::StoreResumed(StoreResumed { scope: order(), by: by() }),
            "resumed workflow order",
        ),
    ];
    check(&said.map(|(event, text)| (Event::Pauses(event), text)));
}

#[test]
fn of_versions_it_says_their_number_and_what_is_said_about_them() {
    let published = |note: &str| {
        VersionEvent::VersionPublished(VersionPublished {
            number: 3,
            definition: DefinitionHash::default(),
            folder: String::new(),
            by: by(),
            note: note.to_owned(),
        })
    };
    let chosen = |reason: &str| {
        let reason = reason.to_owned();
        VersionEvent::CurrentChosen(CurrentChosen { number: 2, by: by(), reason })
    };
    let said = [
        (published(""), "published version 3"),
        (published("faster"), "published version 3: faster"),
        (chosen(""), "made version 2 current"),
        (chosen("it was better"), "made version 2 current: it was better"),
    ];
    check(&said.map(|(event, text)| (Event::Versions(event), text)));
}

#[test]
fn of_a_limit_it_says_what_was_set() {
    let set = |size| LimitEvent::LimitSet(LimitSet { size, by: by() });
    let rate = Some(Rate { count: 3, per_ms: 10_000 });
    let holder = Holder::default();
    let said = [
        (set(None), "as declared"),
        (set(Some(Size { slots: None, rate: None })), "no limit"),
        (set(Some(Size { slots: Some(5), rate: None })), "5 at one time"),
        (set(Some(Size { slots: None, rate })), "3 in 10000 ms"),
        (set(Some(Size { slots: Some(0), rate })), "0 at one time, 3 in 10000 ms"),
        (LimitEvent::SlotRequested(SlotRequested { holder, wish: Wish::default() }), ""),
        (LimitEvent::SlotReleased(SlotReleased { holder }), ""),
        (LimitEvent::RequestWithdrawn(RequestWithdrawn { holder }), ""),
        (LimitEvent::LimitWoken(LimitWoken {}), ""),
        (LimitEvent::SlotGranted(SlotGranted { holder }), ""),
    ];
    check(&said.map(|(event, text)| (Event::Limit(event), text)));
}

#[test]
fn of_a_topic_it_names_the_event_or_the_trigger() {
    let emitted = EventEmitted { id: "order-7".to_owned(), data: "{}".to_owned(), by: by() };
    let set = TriggerSet {
        name: "ship".to_owned(),
        definition: DefinitionHash::default(),
        at: 0,
        follows: false,
        folder: String::new(),
        by: by(),
    };
    let removed = TriggerRemoved { name: "bill".to_owned(), by: by() };
    let delivered = EventsDelivered { through: 1, started: 1, failures: Vec::new() };
    let said = [
        (TopicEvent::EventEmitted(emitted), "order-7"),
        (TopicEvent::TriggerSet(set), "ship"),
        (TopicEvent::TriggerRemoved(removed), "bill"),
        (TopicEvent::EventsDelivered(delivered), ""),
    ];
    check(&said.map(|(event, text)| (Event::Topic(event), text)));
}

#[test]
fn of_a_breaker_it_says_only_that_somebody_closed_it() {
    let (holder, rule, patient) = (Holder::default(), Rule::default(), true);
    let said = [
        (BreakerEvent::BreakerReset(BreakerReset { by: by() }), "closed"),
        (BreakerEvent::CallRequested(CallRequested { holder, rule, patient }), ""),
        (BreakerEvent::CallOver(CallOver { holder, outcome: CallOutcome::Failed }), ""),
        (BreakerEvent::BreakerWoken(BreakerWoken {}), ""),
        (BreakerEvent::CallAllowed(CallAllowed { holder }), ""),
        (BreakerEvent::BreakerOpened(BreakerOpened { until: Timestamp(5) }), ""),
        (BreakerEvent::BreakerHalfOpened(BreakerHalfOpened {}), ""),
        (BreakerEvent::BreakerClosed(BreakerClosed {}), ""),
        (BreakerEvent::CallRefused(CallRefused { holder }), ""),
    ];
    check(&said.map(|(event, text)| (Event::Breaker(event), text)));
}

#[test]
fn of_the_starts_of_a_key_it_names_the_run_or_the_number_of_what_is_kept() {
    let request = || RunRequest { by: by(), ..RunRequest::default() };
    let run = RunToStart { number: 1, name: "reindex-1".to_owned(), request: request() };
    let admitted = StartAdmitted { within_ms: 5, asked: String::new(), run };
    let kept = StartKept {
        wait_ms: 5,
        at_most_ms: None,
        token: String::new(),
        request: request(),
        number: 2,
        due: Timestamp(5),
    };
    let cancelled = |reason: &str| {
        let reason = reason.to_owned();
        StartKeyEvent::KeptCancelled(KeptCancelled { number: 3, by: by(), reason })
    };
    let (code, message) = ("NX1205".to_owned(), "no".to_owned());
    let said = [
        (StartKeyEvent::StartAdmitted(admitted), "reindex-1"),
        (StartKeyEvent::StartKept(kept), "+2"),
        (cancelled(""), "+3"),
        (cancelled("enough"), "+3: enough"),
        (StartKeyEvent::KeptDue(KeptDue {}), ""),
        (StartKeyEvent::RunBegun(RunBegun { number: 1, run: RunId::default() }), ""),
        (StartKeyEvent::RunNotBegun(RunNotBegun { number: 1, code, message }), ""),
    ];
    check(&said.map(|(event, text)| (Event::StartKey(event), text)));
}
