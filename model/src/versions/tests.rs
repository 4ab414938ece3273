//! Versions of a workflow: published, published again, chosen, refused.

use super::*;

fn by() -> Actor {
    Actor { name: "ada".to_owned(), via: "test".to_owned() }
}

fn publish(content: u8) -> VersionCommand {
    VersionCommand::Publish {
        definition: DefinitionHash([content; 32]),
        folder: "/work".to_owned(),
        by: by(),
        note: "faster".to_owned(),
    }
}

fn choose(number: u32) -> VersionCommand {
    VersionCommand::Choose { number, by: by(), reason: "it was better".to_owned() }
}

fn published(contents: &[u8]) -> Versions {
    let mut versions = Versions::new("order");
    for content in contents {
        versions.decide(publish(*content), Timestamp(5)).expect("it is new");
    }
    versions
}

fn current(versions: &Versions) -> Option<u8> {
    versions.get(versions.current).map(|version| version.definition.0[0])
}

#[test]
fn each_new_content_is_a_version_and_the_newest_is_current() {
    assert_eq!(current(&Versions::new("order")), None);
    let versions = published(&[7, 8, 9]);
    assert_eq!((versions.newest(), versions.current, current(&versions)), (3, 3, Some(9)));
    assert_eq!(versions.number_of(DefinitionHash([8; 32])), Some(2));
    assert_eq!(versions.get(1).map(|version| version.at), Some(Timestamp(5)));
    assert_eq!((versions.get(0), versions.get(4)), (None, None));
}

#[test]
fn the_same_content_is_no_new_version() {
    let mut versions = published(&[7, 8]);
    assert_eq!(versions.decide(publish(8), Timestamp(6)), Err(VersionRejection::IsCurrent(2)));
    versions.decide(publish(7), Timestamp(6)).expect("it is not current");
    assert_eq!((versions.newest(), versions.current), (2, 1));
}

#[test]
fn a_roll_back_deletes_nothing_and_the_next_version_has_the_next_number() {
    let mut versions = published(&[7, 8]);
    versions.decide(choose(1), Timestamp(6)).expect("it is there");
    assert_eq!((versions.newest(), current(&versions)), (2, Some(7)));
    versions.decide(publish(9), Timestamp(7)).expect("it is new");
    assert_eq!((versions.newest(), versions.current, current(&versions)), (3, 3, Some(9)));
}

#[test]
fn what_is_not_there_or_current_already_cannot_be_chosen() {
    let mut versions = published(&[7, 8]);
    let not_there = |number| Err(VersionRejection::NotThere { number, newest: 2 });
    let before = versions.clone();
    assert_eq!(versions.decide(choose(0), Timestamp(6)), not_there(0));
    assert_eq!(versions.decide(choose(3), Timestamp(6)), not_there(3));
    assert_eq!(versions.decide(choose(2), Timestamp(6)), Err(VersionRejection::IsCurrent(2)));
    assert_eq!(versions.decide(VersionCommand::Fire, Timestamp(6)), Err(VersionRejection::NoTimer));
    assert_eq!(versions, before);
}

#[test]
fn the_state_is_the_fold_of_its_events_and_its_commands_come_back() {
    let mut versions = Versions::default();
    let mut folded = Versions::default();
    for command in [publish(1), publish(2), choose(1), publish(3)] {
        let events = versions.decide(command.clone(), Timestamp(3)).expect("it fits");
        for event in &events {
            folded.evolve(event, Timestamp(3));
            assert_eq!(Versions::command_of(event), Some(command.clone()));
            assert!(Versions::audit(event).is_some_and(|(by, _)| by.name == "ada"));
        }
    }
    assert_eq!(versions, folded);
    let mut bytes = Vec::new();
    Aggregate::put(&versions, &mut bytes);
    assert_eq!(<Versions as Aggregate>::take(&bytes), Some(versions.clone()));
}
