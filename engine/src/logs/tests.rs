use super::*;

#[test]
fn the_newest_lines_of_an_attempt_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = FileLogs::new(folder.path().to_owned());
    let info = AttemptInfo { attempt: Attempt(1), ..AttemptInfo::default() };
    let line = format!("{}\n", "x".repeat(1023));
    for _ in 0..2000 {
        logs.write(&info, line.as_bytes());
    }
    logs.write(&info, b"the end\n");
    let lines = FileLogs::read(folder.path(), info.run).expect("lines");
    assert!(lines.len() > 500 && lines.len() <= 1025, "{}", lines.len());
    assert_eq!(lines.last().expect("a line").text, "the end");
}

#[test]
fn attempts_are_read_in_the_order_in_which_they_began_and_undos_with_their_items() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = FileLogs::new(folder.path().to_owned());
    let write = |begun: u32, step: u32, attempt: u32, item: Option<u32>, is_undo: bool| {
        let of = item.map(ItemIndex);
        let (item, undone_item) = if is_undo { (None, of) } else { (of, None) };
        let (step, attempt) = (StepIndex(step), Attempt(attempt));
        let info = AttemptInfo {
            step,
            item,
            attempt,
            begun,
            is_undo,
            undone_item,
            ..AttemptInfo::default()
        };
        logs.write(&info, b"line\n");
    };
    write(12, 0, 2, Some(7), true);
    write(11, 1, 1, None, false);
    write(9, 0, 2, Some(7), false);
    write(2, 0, 1, Some(7), false);
    write(2, 0, 1, Some(0), false);
    let lines = FileLogs::read(folder.path(), RunId::default()).expect("lines");
    let read: Vec<_> = lines
        .iter()
        .map(|line| (line.step.0, line.item.map(|it| it.0), line.attempt.0, line.is_undo))
        .collect();
    let expected = [
        (0, Some(0), 1, false),
        (0, Some(7), 1, false),
        (0, Some(7), 2, false),
        (1, None, 1, false),
        (0, Some(7), 2, true),
    ];
    assert_eq!(read, expected);
}

#[test]
fn what_steps_of_the_same_number_printed_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = FileLogs::new(folder.path().to_owned());
    let long = format!("{}\n", "x".repeat(1023));
    for (begun, id) in [(2, "look"), (6, "look#2"), (9, "a step")] {
        let step_id = id.into();
        let info = AttemptInfo { step_id, begun, attempt: Attempt(1), ..AttemptInfo::default() };
        logs.write(&info, format!("of {id}\n").as_bytes());
        // The older half of what is kept says it too.
        for _ in 0..if begun == 9 { 600 } else { 0 } {
            logs.write(&info, long.as_bytes());
        }
    }
    let lines = FileLogs::read(folder.path(), RunId::default()).expect("lines");
    let ids: Vec<&str> = lines.iter().map(|line| &*line.step_id).collect();
    assert_eq!(ids[..3], ["look", "look#2", "a step"]);
    assert!(ids[3..].iter().all(|id| *id == "a step"));
    assert!(lines[3..].iter().all(|line| line.text.starts_with('x')), "only what it printed");
    assert_eq!(lines.len(), 603);
}

#[test]
fn a_run_that_printed_nothing_has_no_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(FileLogs::read(folder.path(), RunId::default()).expect("lines"), Vec::new());
}
