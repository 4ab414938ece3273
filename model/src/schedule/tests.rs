//! Schedules on paper: what was asked, when, and what came of it.

use super::*;
use crate::aggregate::NoCalendar;

/// A schedule every hour, and the clock.
struct Paper {
    schedule: Schedule,
    /// In seconds.
    now: i64,
}

const HOUR: i64 = 3_600;

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

fn by() -> Actor {
    Actor { name: "eva".into(), via: "cli".into() }
}

fn spec(catch_up: CatchUp, overlap: Overlap) -> Spec {
    Spec {
        timing: Timing::Every { ms: 3_600_000 },
        workflow: "report".into(),
        definition: DefinitionHash([1; 32]),
        follows: false,
        input: "{}".into(),
        folder: String::new(),
        catch_up,
        overlap,
    }
}

fn put(spec: Spec, replace: bool) -> ScheduleCommand {
    ScheduleCommand::Put { spec, replace, next: None, by: by() }
}

impl Paper {
    /// Made at 0:30, due at 1:00.
    fn new(catch_up: CatchUp, overlap: Overlap) -> Self {
        let mut paper = Self { schedule: Schedule::new("nightly"), now: HOUR / 2 };
        assert_eq!(paper.ask(put(spec(catch_up, overlap), false)), "created");
        paper
    }

    fn ask(&mut self, command: ScheduleCommand) -> String {
        let before = self.schedule.clone();
        let command = self.schedule.prepare(command, at(self.now), &NoCalendar);
        match self.schedule.decide(command, at(self.now)) {
            Err(rejection) => {
                assert_eq!(self.schedule, before, "a refusal changes nothing");
                format!("refused: {rejection}")
            }
            Ok(events) => {
                self.check(before, &events);
                let words: Vec<String> = events.iter().map(in_words).collect();
                words.join("; ")
            }
        }
    }

    /// What was decided is what is folded, what is written is what is read, and the first event leads to the others again.
    fn check(&self, before: Schedule, events: &[ScheduleEvent]) {
        let mut folded = before.clone();
        for event in events {
            let mut body = Vec::new();
            crate::aggregate::EventKind::put(event, &mut body);
            let kind = crate::aggregate::EventKind::kind(event);
            let read = <ScheduleEvent as crate::aggregate::EventKind>::take(kind, &body);
            assert_eq!(read, crate::aggregate::Decoded::Event(event.clone()));
            folded.evolve(event, at(self.now));
        }
        assert_eq!(folded, self.schedule);
        let mut bytes = Vec::new();
        Aggregate::put(&folded, &mut bytes);
        assert_eq!(<Schedule as Aggregate>::take(&bytes), Some(folded));
        let mut again = before;
        let command = Schedule::command_of(&events[0]).expect("the first event is from outside");
        assert_eq!(again.decide(command, at(self.now)).as_deref(), Ok(events));
        assert!(events[1..].iter().all(|event| Schedule::command_of(event).is_none()));
    }

    /// The clock is set to so many hours, and the timer fires if it is due.
    fn hour(&mut self, hours: f64) -> String {
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
        let now = (hours * 3600.0) as i64;
        self.now = now;
        let mut all = Vec::new();
        while let Some((timer, due)) = self.schedule.next
            && due <= at(self.now)
        {
            all.push(self.ask(Schedule::fire(timer)));
        }
        all.join("; ")
    }

    fn started(&mut self, hour: i64) -> String {
        let run = RunId([u8::try_from(hour).unwrap(); 16]);
        self.ask(ScheduleCommand::Started { due: at(hour * HOUR), run, existing: false })
    }

    fn ended(&mut self, hour: i64) -> String {
        let due = at(hour * HOUR);
        self.ask(ScheduleCommand::Ended { due, status: "completed".into() })
    }

    fn pending(&self) -> String {
        let words: Vec<String> = self.schedule.pending().iter().map(effect_in_words).collect();
        words.join("; ")
    }
}

fn hours(due: Timestamp) -> String {
    let minutes = due.0 / 60_000_000;
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

fn in_words(event: &ScheduleEvent) -> String {
    let list =
        |dues: &[Timestamp]| dues.iter().map(|due| hours(*due)).collect::<Vec<_>>().join(" ");
    match event {
        ScheduleEvent::Created(_) => "created".into(),
        ScheduleEvent::Changed(_) => "changed".into(),
        ScheduleEvent::Paused(_) => "paused".into(),
        ScheduleEvent::Resumed(event) => format!("resumed until {}", hours(event.next.unwrap())),
        ScheduleEvent::Deleted(_) => "deleted".into(),
        ScheduleEvent::Triggered(_) => "triggered".into(),
        ScheduleEvent::Backfilled(event) => format!("backfilled {}", list(&event.dues)),
        ScheduleEvent::TimeCame(event) => format!("due {}", list(&event.dues)),
        ScheduleEvent::RunStarted(event) => format!("started {}", hours(event.due)),
        ScheduleEvent::StartFailed(event) => format!("failed {} {}", hours(event.due), event.code),
        ScheduleEvent::RunEnded(event) => format!("ended {}", hours(event.due)),
        ScheduleEvent::RunRequested(event) => format!("start {}", hours(event.due)),
        ScheduleEvent::Queued(event) => format!("queue {}", hours(event.due)),
        ScheduleEvent::Skipped(event) => format!("skip {} ({:?})", list(&event.dues), event.reason),
        ScheduleEvent::CancelRequested(event) => format!("cancel {}", hours(event.due)),
    }
}

fn effect_in_words(effect: &ScheduleEffect) -> String {
    match effect {
        ScheduleEffect::Start(start) => format!("start {}", start.name),
        ScheduleEffect::Watch { run, .. } => format!("watch {}", run.0[0]),
        ScheduleEffect::Cancel { run, .. } => format!("cancel {}", run.0[0]),
    }
}

#[test]
fn its_only_timer_is_the_next_occasion() {
    assert_eq!(Schedule::new("nightly").timers(), []);
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Skip);
    let next = |paper: &Paper| -> Vec<Timestamp> {
        paper.schedule.timers().into_iter().map(|(_, due)| due).collect()
    };
    assert_eq!(next(&paper), [at(HOUR)]);
    assert_eq!(paper.schedule.timers(), Vec::from_iter(paper.schedule.next));
    paper.hour(2.5);
    assert_eq!(next(&paper), [at(3 * HOUR)]);
}

#[test]
fn an_hour_after_the_other() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Skip);
    assert_eq!(paper.pending(), "");
    assert_eq!(paper.hour(0.9), "");
    assert_eq!(paper.hour(1.0), "due 1:00; start 1:00");
    assert_eq!(paper.pending(), "start nightly@1970-01-01T01:00:00Z");
    assert_eq!(paper.started(1), "started 1:00");
    assert_eq!(paper.pending(), "watch 1");
    assert_eq!(paper.ended(1), "ended 1:00");
    assert_eq!(paper.pending(), "");
    assert_eq!(paper.hour(2.0), "due 2:00; start 2:00");
    assert_eq!(paper.schedule.counts, Counts { started: 1, skipped: 0, failed: 0 });
}

#[test]
fn reports_come_once() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Skip);
    paper.hour(1.0);
    let refused = "refused: the schedule does not wait for that";
    assert_eq!(paper.ended(1), refused, "it is not there yet");
    paper.started(1);
    assert_eq!(paper.started(1), refused);
    assert_eq!(paper.started(2), refused);
    paper.ended(1);
    assert_eq!(paper.ended(1), refused);
    let timer = TimerId(1);
    assert_eq!(paper.ask(Schedule::fire(timer)), "refused: the timer is not set");
}

#[test]
fn a_missed_stretch_is_made_up_for_as_the_policy_says() {
    let missed = |catch_up, overlap| Paper::new(catch_up, overlap).hour(4.5);
    assert_eq!(
        missed(CatchUp::None, Overlap::Skip),
        "due 1:00 2:00 3:00 4:00; skip 1:00 2:00 3:00 4:00 (Missed)"
    );
    assert_eq!(
        missed(CatchUp::Latest, Overlap::Skip),
        "due 1:00 2:00 3:00 4:00; skip 1:00 2:00 3:00 (Missed); start 4:00"
    );
    assert_eq!(
        missed(CatchUp::All, Overlap::Queue),
        "due 1:00 2:00 3:00 4:00; start 1:00; queue 2:00; queue 3:00; queue 4:00"
    );
    assert_eq!(
        missed(CatchUp::All, Overlap::Allow),
        "due 1:00 2:00 3:00 4:00; start 1:00; start 2:00; start 3:00; start 4:00"
    );
    let mut none = Paper::new(CatchUp::None, Overlap::Skip);
    assert_eq!(none.hour(1.01), "due 1:00; start 1:00", "less than a minute late is on time");
}

#[test]
fn a_stretch_too_long_to_name_is_passed_over_or_taken_piece_by_piece() {
    let mut latest = Paper::new(CatchUp::Latest, Overlap::Skip);
    assert_eq!(latest.hour(20_000.2), "due 20000:00; start 20000:00");
    assert_eq!(latest.schedule.next.unwrap().1, at(20_001 * HOUR));
    let mut all = Paper::new(CatchUp::All, Overlap::Queue);
    all.hour(2_500.2);
    assert_eq!(all.schedule.open.len() + all.schedule.waiting.len(), 2_500);
    let mut full = Paper::new(CatchUp::All, Overlap::Queue);
    full.hour(12_000.2);
    assert_eq!(full.schedule.waiting.len(), QUEUE_MAX);
    assert_eq!(full.schedule.counts.skipped, 12_000 - QUEUE_MAX as u64 - 1);
}

#[test]
fn overlap_skip() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Skip);
    paper.hour(1.0);
    paper.started(1);
    assert_eq!(paper.hour(2.0), "due 2:00; skip 2:00 (Overlap)");
    assert_eq!(paper.ended(1), "ended 1:00");
    assert_eq!(paper.hour(3.0), "due 3:00; start 3:00");
}

#[test]
fn overlap_queue() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Queue);
    paper.hour(1.0);
    paper.started(1);
    assert_eq!(paper.hour(2.0), "due 2:00; queue 2:00");
    assert_eq!(paper.hour(3.0), "due 3:00; queue 3:00");
    assert_eq!(paper.ended(1), "ended 1:00; start 2:00");
    paper.started(2);
    assert_eq!(paper.ended(2), "ended 2:00; start 3:00");
}

#[test]
fn overlap_cancel_old() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::CancelOld);
    paper.hour(1.0);
    paper.started(1);
    assert_eq!(paper.hour(2.0), "due 2:00; cancel 1:00; queue 2:00");
    assert_eq!(paper.pending(), "cancel 1; watch 1");
    assert_eq!(paper.hour(3.0), "due 3:00; skip 2:00 (Overtaken); queue 3:00", "cancelled once");
    assert_eq!(paper.ended(1), "ended 1:00; start 3:00");
    assert_eq!(paper.pending(), "start nightly@1970-01-01T03:00:00Z");
}

#[test]
fn a_run_that_cannot_be_started_makes_room() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Queue);
    paper.hour(1.0);
    paper.hour(2.0);
    let (due, code, message) = (at(HOUR), "NX1205".into(), "a is missing".into());
    let failed = paper.ask(ScheduleCommand::NotStarted { due, code, message });
    assert_eq!(failed, "failed 1:00 NX1205; start 2:00");
    assert_eq!(paper.schedule.failure.as_ref().unwrap().code, "NX1205");
}

#[test]
fn a_pause_starts_nothing_and_is_not_made_up_for() {
    let mut paper = Paper::new(CatchUp::All, Overlap::Queue);
    paper.hour(1.0);
    paper.hour(2.0);
    let pause = ScheduleCommand::Pause { by: by(), reason: "holidays".into() };
    assert_eq!(paper.ask(pause.clone()), "paused");
    assert_eq!(paper.ask(pause), "refused: the schedule is paused already");
    paper.started(1);
    assert_eq!(paper.ended(1), "ended 1:00", "what waits goes on waiting");
    assert_eq!(paper.hour(5.5), "");
    let resume = ScheduleCommand::Resume { next: None, by: by() };
    assert_eq!(paper.ask(resume.clone()), "resumed until 6:00; start 2:00");
    assert_eq!(paper.ask(resume), "refused: the schedule is not paused");
}

#[test]
fn a_trigger_starts_a_run_of_its_own_name() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Allow);
    paper.now = HOUR;
    let trigger = ScheduleCommand::Trigger { by: by() };
    assert_eq!(paper.ask(trigger.clone()), "triggered; start 1:00");
    assert_eq!(paper.ask(trigger), "triggered; start 1:00");
    assert_eq!(paper.hour(1.0), "due 1:00; start 1:00");
    let names: std::collections::BTreeSet<String> =
        paper.schedule.pending().iter().map(effect_in_words).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn a_backfill_starts_what_is_missing() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Skip);
    paper.hour(3.0);
    let backfill = |dues: &[i64]| ScheduleCommand::Backfill {
        from: at(0),
        to: at(3 * HOUR),
        dues: dues.iter().map(|hour| at(hour * HOUR)).collect(),
        by: by(),
    };
    assert_eq!(
        paper.ask(backfill(&[1, 2, 3])),
        "backfilled 1:00 2:00; queue 1:00; queue 2:00",
        "3:00 is being started, and skipping would start nothing"
    );
    assert_eq!(paper.ask(backfill(&[1, 2, 3])), "refused: no run is missing");
    let many: Vec<i64> = (10..1_011).collect();
    assert!(paper.ask(backfill(&many)).starts_with("refused: 1001 runs are missing"));
    let mut allowed = Paper::new(CatchUp::Latest, Overlap::Allow);
    allowed.now = 5 * HOUR;
    assert_eq!(allowed.ask(backfill(&[1, 2])), "backfilled 1:00 2:00; start 1:00; start 2:00");
}

#[test]
fn a_schedule_is_made_changed_and_deleted() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Skip);
    let same = spec(CatchUp::Latest, Overlap::Skip);
    assert_eq!(paper.ask(put(same, true)), "refused: the schedule does that already");
    let other = spec(CatchUp::All, Overlap::Skip);
    assert_eq!(
        paper.ask(put(other.clone(), false)),
        "refused: the schedule exists and does something else"
    );
    assert_eq!(paper.ask(put(other.clone(), true)), "changed");
    let never =
        Spec { timing: Timing::Cron { expression: "x".into(), zone: "UTC".into() }, ..other };
    assert_eq!(paper.ask(put(never, true)), "refused: the schedule would never be due");
    paper.hour(1.0);
    paper.started(1);
    let delete = ScheduleCommand::Delete { by: by() };
    assert_eq!(paper.ask(delete.clone()), "deleted");
    assert_eq!(paper.pending(), "", "its run goes on without it");
    let gone = "refused: there is no such schedule";
    assert_eq!(paper.ask(delete), gone);
    assert_eq!(paper.ended(1), gone);
    assert_eq!(paper.ask(ScheduleCommand::Trigger { by: by() }), gone);
    assert_eq!(paper.hour(5.0), "");
    assert_eq!(paper.ask(put(spec(CatchUp::All, Overlap::Skip), false)), "created");
    let mut nameless = Paper { schedule: Schedule::new("a/b"), now: 0 };
    let refused = nameless.ask(put(spec(CatchUp::All, Overlap::Skip), false));
    assert!(refused.starts_with("refused: the name of a schedule has"), "{refused}");
}

#[test]
fn a_clock_that_goes_back_fires_nothing_twice() {
    let mut paper = Paper::new(CatchUp::All, Overlap::Allow);
    assert_eq!(paper.hour(1.0), "due 1:00; start 1:00");
    assert_eq!(paper.hour(0.2), "");
    assert_eq!(paper.hour(1.9), "");
    assert_eq!(paper.hour(2.0), "due 2:00; start 2:00");
}

#[test]
fn policies_are_read_by_their_words() {
    for (word, policy) in
        [("none", CatchUp::None), ("latest", CatchUp::Latest), ("all", CatchUp::All)]
    {
        assert_eq!((CatchUp::of(word), policy.word()), (Some(policy), word));
    }
    for (word, policy) in [
        ("skip", Overlap::Skip),
        ("queue", Overlap::Queue),
        ("cancel_old", Overlap::CancelOld),
        ("allow", Overlap::Allow),
    ] {
        assert_eq!((Overlap::of(word), policy.word()), (Some(policy), word));
    }
    assert_eq!((CatchUp::of("some"), Overlap::of("")), (None, None));
}

#[test]
fn a_name_of_a_schedule_leaves_room_for_a_time() {
    for name in ["n", "nightly_2.eu:a+b-c", &"x".repeat(96)] {
        assert!(is_name(name), "{name}");
    }
    for name in ["", "night ly", "nightly@2", "nächtlich", &"x".repeat(97)] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
fn as_many_runs_are_made_up_for_at_once_as_can_be_named() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Allow);
    let dues = (1..=1_000).map(|hour| at(-hour * HOUR)).collect();
    let (from, to) = (at(-1_001 * HOUR), at(0));
    let said = paper.ask(ScheduleCommand::Backfill { from, to, dues, by: by() });
    assert_eq!(said.matches("start ").count(), 1_000);
}

#[test]
fn of_a_long_stretch_that_is_made_up_for_a_part_is_taken_at_once() {
    let mut paper = Paper::new(CatchUp::All, Overlap::Allow);
    paper.now = 1_001 * HOUR;
    let (timer, _) = paper.schedule.next.expect("it is due");
    let said = paper.ask(Schedule::fire(timer));
    assert_eq!(said.matches("start ").count(), 1_000);
    assert_eq!(paper.schedule.next.map(|(_, due)| due), Some(at(1_001 * HOUR)));
}

#[test]
fn the_latest_time_of_a_stretch_is_found_however_rare_it_is() {
    let month = 2_678_400;
    let mut paper = Paper { schedule: Schedule::new("monthly"), now: 1 };
    let timing = Timing::Every { ms: 1_000 * 2_678_400 };
    paper.ask(put(Spec { timing, ..spec(CatchUp::Latest, Overlap::Skip) }, false));
    paper.now = 1_005 * month + 5;
    let (timer, _) = paper.schedule.next.expect("it is due");
    let said = paper.ask(Schedule::fire(timer));
    let latest = hours(at(1_005 * month));
    assert_eq!(said, format!("due {latest}; start {latest}"));
    assert_eq!(paper.schedule.next.map(|(_, due)| due), Some(at(1_006 * month)));
}

#[test]
fn a_time_is_missed_only_after_a_while() {
    let grace = i64::try_from(GRACE_MS / 1000).expect("seconds");
    for (late, expected) in [(grace, "due 1:00; start 1:00"), (grace + 1, "due 1:00; skip 1:00")] {
        let mut paper = Paper::new(CatchUp::None, Overlap::Skip);
        paper.now = HOUR + late;
        let (timer, _) = paper.schedule.next.expect("it is due");
        let said = paper.ask(Schedule::fire(timer));
        assert!(said.starts_with(expected), "{late} s late: {said}");
    }
}

#[test]
fn runs_that_were_there_already_are_not_counted() {
    let mut paper = Paper::new(CatchUp::Latest, Overlap::Allow);
    paper.now = 3 * HOUR;
    let (from, to) = (at(0), at(3 * HOUR));
    let dues = [1, 2].map(|hour| at(hour * HOUR)).to_vec();
    paper.ask(ScheduleCommand::Backfill { from, to, dues, by: by() });
    for (hour, existing, started) in [(1, true, 0), (2, false, 1)] {
        let run = RunId([7; 16]);
        paper.ask(ScheduleCommand::Started { due: at(hour * HOUR), run, existing });
        assert_eq!(paper.schedule.counts.started, started);
    }
}

#[test]
fn due_times_are_those_of_the_stretch_and_no_more_than_are_wanted() {
    let hourly = Timing::Every { ms: 3_600_000 };
    let between = |from: i64, to: i64, most: usize| -> Vec<String> {
        let dues = due_times(&hourly, at(from), at(to), most, &NoCalendar);
        dues.into_iter().map(hours).collect()
    };
    assert_eq!(between(HOUR, 3 * HOUR, 9), ["1:00", "2:00"]);
    assert_eq!(between(HOUR + 1, 3 * HOUR + 1, 9), ["2:00", "3:00"]);
    assert_eq!(between(HOUR, 9 * HOUR, 2), ["1:00", "2:00"]);
    assert_eq!(between(HOUR, HOUR, 9), Vec::<String>::new());
}

/// It always says the same time.
struct Stuck(Timestamp);

impl Calendar for Stuck {
    fn next(&self, _expression: &str, _zone: &str, _after: Timestamp) -> Option<Timestamp> {
        Some(self.0)
    }
}

#[test]
fn a_rule_is_due_later_or_never() {
    let (expression, zone) = ("0 6 * * *".to_owned(), "UTC".to_owned());
    let cron = Timing::Cron { expression, zone };
    let next = |due: i64| cron.next(at(5), &Stuck(at(due)));
    assert_eq!([4, 5, 6].map(next), [None, None, Some(at(6))]);
    assert_eq!(Timing::Every { ms: 0 }.next(at(5), &NoCalendar), None);
}
