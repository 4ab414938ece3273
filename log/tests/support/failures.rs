//! What a disk may hold after a power failure at any moment of a recording, and looking at each of these images.
//!
//! `NEXUS_IMAGES_MINUTES` makes it longer than a moment: every image, and then others by chance until the time is up. Where there
//! are more than fit into the time, those that are looked at are spread over the whole life.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::chance::Chance;
use crate::disk::{Disk, Fate, Node, PAGE};
use crate::recording::{Act, Data, Recording};

/// How many prefixes of a long write are tried.
const PREFIXES: usize = 48;
const LOSSES_SHOWN: usize = 5;
/// In so many passes through a life every image is looked at, in each pass those of every part of it.
const PASSES: usize = 61;
const AT_A_TIME: usize = 4;

/// Says what is wrong with a store, if something is, of which so many submissions were acknowledged.
pub(crate) type Examine<'a> = &'a (dyn Fn(&Path, u32) -> Option<String> + Sync);

/// An image: what happened before the power failed, and what became of what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// So many acts had happened.
    pub(crate) after: usize,
    pub(crate) left: Left,
}

/// What became of what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left {
    /// All is there but the act with this number, of which this is.
    But(usize, Fate),
    /// Of the files only the last write is there; all names are.
    OnlyLast,
    /// Nothing of it is there.
    Nothing,
    /// The names are there, and nothing of the files.
    Names,
    /// The names are there, and the files are as long as they were, and empty.
    Zeros,
    /// Anything may be there.
    Any(u64),
}

/// Every image of a recording; `any` is how many by chance there are after each act.
fn failures(recording: &Recording, chance: &mut Chance, any: usize) -> Vec<Failure> {
    let mut found = Vec::new();
    for (number, act) in recording.acts.iter().enumerate() {
        let left = match act {
            Act::Data(file, Data::Write { at, bytes }) => {
                let first_page = usize::try_from(at % PAGE as u64).expect("small");
                let pages = (first_page + bytes.len()).div_ceil(PAGE).min(PREFIXES);
                let mut left: Vec<_> = prefixes(bytes.len())
                    .map(|length| Left::But(number, Fate::Cut(length)))
                    .collect();
                left.extend((0..pages).map(|page| Left::But(number, Fate::Holed(page))));
                left.push(Left::OnlyLast);
                left.extend(first_of_batch(recording, number, *file).into_iter().flat_map(
                    |(first, length)| {
                        prefixes(length).map(move |length| Left::But(first, Fate::Cut(length)))
                    },
                ));
                left
            }
            Act::Names(_) => {
                vec![Left::But(number, Fate::Kept), Left::Nothing, Left::Names, Left::Zeros]
            }
            Act::Data(_, Data::Length(_)) => vec![Left::But(number, Fate::Kept)],
            Act::Sync(..) | Act::Acknowledged(_) => vec![Left::Nothing, Left::Zeros],
        };
        let by_chance = (0..any).map(|_| Left::Any(chance.below(usize::MAX) as u64));
        let left = left.into_iter().chain(by_chance);
        found.extend(left.map(|left| Failure { after: number + 1, left }));
    }
    found
}

/// If that write of a file is the last before the file is synced, and not the only one since the sync before: the first of them,
/// and its length.
fn first_of_batch(recording: &Recording, last: usize, file: Node) -> Option<(usize, usize)> {
    let of_file = |(number, act): (usize, &Act)| match act {
        Act::Data(of, Data::Write { bytes, .. }) if *of == file => {
            Some(Some((number, bytes.len())))
        }
        Act::Sync(of, _) if *of == file => Some(None),
        Act::Data(..) | Act::Sync(..) | Act::Names(_) | Act::Acknowledged(_) => None,
    };
    let acts = || recording.acts.iter().enumerate();
    let next = acts().skip(last + 1).find_map(of_file);
    let mut earlier = acts().take(last).rev().filter_map(of_file);
    (next == Some(None)).then(|| earlier.by_ref().map_while(|write| write).last()).flatten()
}

/// Whether the last that happened is an acknowledgement, and nothing is left but what was synced: such images are few and say most.
fn is_promise(recording: &Recording, failure: &Failure) -> bool {
    let last = recording.acts.get(failure.after - 1);
    matches!((last, failure.left), (Some(Act::Acknowledged(_)), Left::Nothing))
}

fn prefixes(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(length.div_ceil(PREFIXES).max(1)).chain([length - 1, length])
}

/// Makes the image of `failure`; `disk` is as it was then.
pub(crate) fn write(disk: &Disk, failure: Failure, path: &Path) {
    let last = failure.after - 1;
    let image = match failure.left {
        Left::But(act, fate) => {
            disk.image(usize::MAX, &mut |number, _| if number == act { fate } else { Fate::Kept })
        }
        Left::OnlyLast => disk.image(usize::MAX, &mut |number, _| {
            if number == last { Fate::Kept } else { Fate::Lost }
        }),
        Left::Nothing => disk.image(0, &mut |_, _| Fate::Lost),
        Left::Names => disk.image(usize::MAX, &mut |_, _| Fate::Lost),
        Left::Zeros => disk.image(usize::MAX, &mut |_, _| Fate::Zeroed),
        Left::Any(seed) => {
            let mut chance = Chance::quiet(seed);
            let names = chance.below(disk.loose_names() + 1);
            disk.image(names, &mut |_, change| any(&mut chance, change))
        }
    };
    image.write(path);
}

fn any(chance: &mut Chance, change: &Data) -> Fate {
    let length = match change {
        Data::Write { bytes, .. } => bytes.len(),
        Data::Length(_) => 0,
    };
    match chance.below(6) {
        0 => Fate::Lost,
        1 => Fate::Zeroed,
        2 => Fate::Cut(chance.below(length + 1)),
        3 => Fate::Holed(chance.below(length.div_ceil(PAGE) + 1)),
        _ => Fate::Kept,
    }
}

/// What came of the images of one recording.
#[derive(Default)]
struct Tally {
    images: usize,
    losses: Vec<String>,
}

/// An image on a real disk, and what it must hold.
struct Suspect {
    folder: TempDir,
    acknowledged: u32,
    what: String,
}

impl Suspect {
    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// What is lost, if anything is.
    fn loss(&self, examine: Examine<'_>) -> Option<String> {
        let problem = examine(&self.store(), self.acknowledged)?;
        Some(format!("{}, {} acknowledged: {problem}", self.what, self.acknowledged))
    }
}

/// Looks at the images, which are in the order of time, until `end`. A store that opens waits now and then, so several do.
fn look(
    recording: &Recording,
    failures: &[Failure],
    end: Option<Instant>,
    examine: Examine<'_>,
    tally: &Mutex<Tally>,
) {
    let (suspects, taken) = mpsc::sync_channel::<Suspect>(1);
    let taken = Mutex::new(taken);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let next = taken.lock().expect("no panic").recv();
                    let Ok(suspect) = next else { return };
                    let loss = suspect.loss(examine);
                    let mut tally = tally.lock().expect("no panic");
                    tally.images += 1;
                    tally.losses.extend(loss);
                }
            });
        }
        make(recording, failures, end, &suspects);
        drop(suspects);
    });
}

/// Makes the images, one after the other.
fn make(
    recording: &Recording,
    failures: &[Failure],
    end: Option<Instant>,
    suspects: &mpsc::SyncSender<Suspect>,
) {
    let mut disk = recording.before.clone();
    let mut acknowledged = 0;
    let mut done = 0;
    for failure in failures {
        if end.is_some_and(|end| Instant::now() >= end) {
            return;
        }
        for (number, act) in recording.acts.iter().enumerate().take(failure.after).skip(done) {
            disk.happens(number, act, false);
            if let Act::Acknowledged(number) = act {
                acknowledged = acknowledged.max(*number);
            }
        }
        done = failure.after;
        let what = format!("{failure:?} ({})", in_short(recording, *failure));
        let suspect = Suspect { folder: crate::scratch::folder(), acknowledged, what };
        write(&disk, *failure, &suspect.store());
        suspects.send(suspect).expect("somebody looks at it");
    }
}

/// The act before the power failed, without the bytes.
fn in_short(recording: &Recording, failure: Failure) -> String {
    let text = format!("{:?}", recording.acts.get(failure.after - 1));
    text.chars().take(150).collect()
}

/// How long it may go on, if somebody said so.
pub(crate) fn minutes() -> Option<Duration> {
    let minutes = std::env::var("NEXUS_IMAGES_MINUTES").ok()?;
    Some(Duration::from_secs(60 * minutes.parse::<u64>().expect("a number of minutes")))
}

/// Looks at `few` images of the recording and at those of its acknowledgements, or at all of them.
#[expect(clippy::print_stdout, reason = "the figures are for people")]
pub(crate) fn check(what: &str, recording: &Recording, few: usize, examine: Examine<'_>) {
    let began = Instant::now();
    let tally = Mutex::default();
    let mut chance = Chance::new(51);
    if let Some(minutes) = minutes() {
        let end = began + minutes;
        let all = failures(recording, &mut chance, 2);
        for pass in 0..PASSES {
            let some: Vec<_> = all.iter().copied().skip(pass).step_by(PASSES).collect();
            look(recording, &some, Some(end), examine, &tally);
        }
        let looked_at = tally.lock().expect("no panic").images;
        println!("{what}: {looked_at} of {} images took {:.0?}", all.len(), began.elapsed());
        while Instant::now() < end {
            let mut by_chance = failures(recording, &mut chance, 1);
            by_chance.retain(|failure| matches!(failure.left, Left::Any(_)));
            look(recording, &by_chance, Some(end), examine, &tally);
        }
    } else {
        let all = failures(recording, &mut chance, 1);
        let step = all.len().div_ceil(few);
        let offset = chance.below(step);
        let chosen = all
            .iter()
            .enumerate()
            .filter(|(at, failure)| at % step == offset || is_promise(recording, failure));
        let some: Vec<_> = chosen.map(|(_, failure)| *failure).collect();
        look(recording, &some, None, examine, &tally);
    }
    let Tally { images, mut losses } = tally.into_inner().expect("no panic");
    let (acts, lost) = (recording.acts.len(), losses.len());
    println!("{what}: {acts} acts, {images} images, {lost} losses, {:.1?}", began.elapsed());
    losses.truncate(LOSSES_SHOWN);
    assert!(lost == 0, "{lost} of {images} images lost something:\n{}", losses.join("\n"));
}
