//! Pauses of a store: set, lifted, refused, and to which runs they apply.

use super::*;

fn by() -> Actor {
    Actor { name: "ada".to_owned(), via: "test".to_owned() }
}

fn pause(scope: &Scope) -> PauseCommand {
    PauseCommand::Pause { scope: scope.clone(), by: by(), reason: "the bank is closed".to_owned() }
}

fn resume(scope: &Scope) -> PauseCommand {
    PauseCommand::Resume { scope: scope.clone(), by: by() }
}

fn scopes() -> [Scope; 3] {
    let label = Scope::Label("team".to_owned(), "shop".to_owned());
    [Scope::Engine, Scope::Workflow("order".to_owned()), label]
}

#[test]
fn a_scope_is_paused_once_and_resumed_once() {
    for scope in scopes() {
        let mut pauses = Pauses::new(STORE);
        let now = Timestamp(7);
        assert_eq!(
            pauses.decide(resume(&scope), now),
            Err(PauseRejection::NotPaused(scope.clone()))
        );
        assert_eq!(pauses.decide(pause(&scope), now).map(|events| events.len()), Ok(1));
        assert_eq!(
            pauses.decide(pause(&scope), now),
            Err(PauseRejection::AlreadyPaused(scope.clone()))
        );
        assert_eq!(pauses.active.get(&scope).map(|pause| pause.since), Some(now));
        assert_eq!(pauses.decide(resume(&scope), now).map(|events| events.len()), Ok(1));
        assert_eq!(pauses, Pauses::default());
    }
}

#[test]
fn pauses_apply_by_workflow_and_label_and_to_all() {
    let mut pauses = Pauses::default();
    for scope in scopes() {
        pauses.decide(pause(&scope), Timestamp(1)).expect("it is not paused yet");
    }
    let labels = |value: &str| vec![("team".to_owned(), value.to_owned())];
    let of = |workflow: &str, value: &str| pauses.of_workflow(workflow, &labels(value)).join(", ");
    assert_eq!(of("order", "shop"), "the engine, workflow order, label team=shop");
    assert_eq!(of("order", "bank"), "the engine, workflow order");
    assert_eq!(of("refund", "shop"), "the engine, label team=shop");
    assert_eq!(of("orders", "shops"), "the engine");
}

#[test]
fn the_state_is_the_fold_of_its_events_and_its_commands_come_back() {
    let mut pauses = Pauses::default();
    let mut folded = Pauses::default();
    let [engine, order, label] = scopes();
    for command in [pause(&engine), pause(&order), pause(&label), resume(&order)] {
        let events = pauses.decide(command.clone(), Timestamp(3)).expect("it fits");
        for event in &events {
            folded.evolve(event, Timestamp(3));
            assert_eq!(Pauses::command_of(event), Some(command.clone()));
            assert!(Pauses::audit(event).is_some_and(|(by, _)| by.name == "ada"));
        }
    }
    assert_eq!(pauses, folded);
    let mut bytes = Vec::new();
    Aggregate::put(&pauses, &mut bytes);
    assert_eq!(<Pauses as Aggregate>::take(&bytes), Some(pauses.clone()));
    assert!(Pauses::default().of_workflow("order", &[]).is_empty());
    assert!(pauses.loses_one_in(&Pauses::default()));
    assert!(!Pauses::default().loses_one_in(&pauses));
}

#[test]
fn the_pauses_of_a_run_are_those_of_its_workflow_and_its_labels() {
    let labels = vec![("team".to_owned(), "shop".to_owned())];
    let started = RunStarted { workflow: "order".to_owned(), labels, ..RunStarted::default() };
    let mut pauses = Pauses::new(STORE);
    assert_eq!(pauses.of(&started), Vec::<String>::new());
    for scope in [Scope::Workflow("order".to_owned()), Scope::Workflow("other".to_owned())] {
        let since = Timestamp(7);
        pauses.active.insert(scope, Pause { by: by(), reason: String::new(), since });
    }
    assert_eq!(pauses.of(&started), ["workflow order"]);
}
