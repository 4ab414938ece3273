//! Forgotten runs where runs are listed, explained and continued.

use std::fs;

use super::support::Desk;

const SECRET: &str = "nexus: v1
name: secret
encrypt: true
steps:
  broken:
    run: '[ -e mended ]'
";
const PICTURE: &str = "nexus: v1
name: picture
encrypt: true
steps:
  draw:
    run: |
      printf 'png' > \"$NEXUS_OUTPUT\"
      echo image/png > \"$NEXUS_OUTPUT_TYPE\"
outputs: ${{ steps.draw.output }}
";

/// Runs `kept` and `gone` that failed, and `drawn` that completed; `gone` is forgotten.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("secret.workflow.yaml", SECRET);
    desk.write("picture.workflow.yaml", PICTURE);
    for id in ["kept", "gone"] {
        desk.nexus(&["run", "secret.workflow.yaml", "--id", id]).code(1);
    }
    desk.nexus(&["run", "picture.workflow.yaml", "--id", "drawn"]).code(0);
    desk.nexus(&["forget", "gone"]).code(0);
    desk
}

#[test]
fn a_forgotten_run_is_no_dead_letter_and_the_others_are_continued() {
    let desk = desk();
    assert_eq!(desk.nexus(&["dead", "list", "-o", "name"]).code(0).out, "kept\n");
    let named = desk.nexus(&["dead", "requeue", "gone", "kept", "--yes", "-o", "json"]).code(5);
    let results = &named.json()["results"];
    assert_eq!(
        (&results[0]["id"], &results[0]["error"]["code"]),
        (&"gone".into(), &"NX6022".into())
    );
    assert_eq!((&results[1]["id"], &results[1]["done"]), (&"kept".into(), &true.into()));
    desk.nexus(&["resume", "kept"]).code(1);

    desk.write("mended", "");
    let all = desk.nexus(&["dead", "requeue", "--all", "--yes"]).code(0);
    assert_eq!(all.out, "kept continues\n");
    assert!(!all.err.contains("error"), "{}", all.err);
    desk.nexus(&["resume", "kept"]).code(0);
    let none = desk.nexus(&["dead", "requeue", "--all", "--yes"]).code(0);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "no dead letters here\n"));
}

#[test]
fn what_is_refused_does_not_hide_what_is_continued() {
    let desk = desk();
    let done = desk.nexus(&["dead", "requeue", "gone", "kept", "--yes"]).code(5);
    assert_eq!(done.out, "kept continues\n");
    assert!(done.err.contains("kept runs when one does"), "{}", done.err);
    assert!(done.err.contains("error[NX6022]: gone: the run is forgotten"), "{}", done.err);
}

#[test]
fn a_selection_of_failed_runs_leaves_out_those_that_are_forgotten() {
    let desk = desk();
    let meant = desk.nexus(&["retry", "--where", "status = failed", "--dry-run"]).code(0);
    assert_eq!(meant.out, "kept\n");
    let asked = ["list", "--where", "forgotten = true", "-o", "name"];
    assert_eq!(desk.nexus(&asked).code(0).out, "gone\n");
}

#[test]
fn explain_says_that_a_run_is_forgotten_and_offers_only_what_works() {
    let desk = desk();
    desk.nexus(&["forget", "drawn"]).code(0);
    for (run, status) in [("gone", "✘ failed, forgotten"), ("drawn", "✔ completed, forgotten")]
    {
        let page = desk.nexus(&["explain", run]).code(0).out;
        assert!(page.lines().next().is_some_and(|head| head.contains(status)), "{page}");
        assert!(page.contains("; it is forgotten: nobody can read its values\n"), "{page}");
        let view = desk.nexus(&["explain", run, "-o", "json"]).code(0).json();
        assert_eq!(view["forgotten"], true);
        let commands = view["commands"].as_array().expect("a list");
        assert_eq!(commands.len(), 2, "{commands:?}");
        for command in commands {
            let words = command.as_str().expect("a command").split(' ');
            desk.nexus(&words.skip(1).collect::<Vec<_>>()).code(0);
        }
    }
    let watched = desk.nexus(&["watch", "gone"]).code(1).err;
    assert!(watched.ends_with("\n  look:   nexus-engine history gone\n"), "{watched}");
    let kept = desk.nexus(&["explain", "kept", "-o", "json"]).code(0).json();
    assert_eq!(kept["forgotten"], false);
    assert!(kept["commands"].to_string().contains("retry kept"), "{kept}");
}

#[test]
fn lists_and_pages_say_which_runs_are_forgotten() {
    let desk = desk();
    let table = desk.nexus(&["list"]).code(0).out;
    let said = |table: &str| -> Vec<bool> {
        table.lines().skip(1).map(|row| row.contains("✘ failed, forgotten")).collect()
    };
    assert_eq!(said(&table), [false, true, false], "{table}");
    // Also when the views are read from the disk, and when they are made anew.
    fs::remove_dir_all(desk.store().join("views")).expect("the views");
    let rebuilt = desk.nexus(&["list"]).code(0).out;
    assert_eq!(said(&rebuilt), [false, true, false], "{rebuilt}");
    let list = desk.nexus(&["list", "-o", "json"]).code(0).json();
    let runs = list["runs"].as_array().expect("a list");
    let said: Vec<_> = runs.iter().map(|run| (&run["id"], &run["forgotten"])).collect();
    assert_eq!(
        said,
        [
            (&"drawn".into(), &false.into()),
            (&"gone".into(), &true.into()),
            (&"kept".into(), &false.into())
        ]
    );
    for (run, forgotten) in [("gone", true), ("kept", false)] {
        let page = desk.nexus(&["get", run]).code(0).out;
        assert_eq!(page.contains("✘ failed, forgotten\n"), forgotten, "{page}");
        assert_eq!(desk.nexus(&["get", run, "-o", "json"]).code(0).json()["forgotten"], forgotten);
    }
}

#[test]
fn the_bytes_of_a_forgotten_run_are_told_to_be_forgotten() {
    let desk = desk();
    let raw = |more: &[&str]| desk.nexus(&[&["get", "drawn", "--raw"], more].concat());
    assert_eq!(raw(&[]).code(0).out, "png");
    desk.nexus(&["forget", "drawn"]).code(0);
    for more in [&[][..], &["--step", "draw"], &["--path", "a"]] {
        let problem = raw(&[more, &["-o", "json"]].concat()).code(5).problem();
        assert_eq!(problem["code"], "NX6022", "{more:?}");
        assert_eq!(problem["message"], "drawn is forgotten: its output can be read by nobody");
    }
}
