//! A disk on which things become durable only when they are synced: what it may hold after the power failed at some moment.
//!
//! What a file was given before its last sync began is there. What it was given later may be there in any part, page by page, and
//! a write may be cut anywhere. Changes of names reach the disk in their order, as in a file system with a journal; those in
//! a folder are there at least up to its last sync. The file system promises no more than that in `docs/guarantees.md`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::recording::{Act, Data, Names};

/// What the disk remembers or forgets together.
pub(crate) const PAGE: usize = 4096;

/// A file or folder, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node(u32);

/// The folder that the store is in.
pub(crate) const ROOT: Node = Node(1);

impl Node {
    /// A new one: numbers of folders are odd.
    pub(crate) fn new(is_folder: bool) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self(2 * NEXT.fetch_add(1, Ordering::Relaxed) + u32::from(is_folder))
    }

    fn is_folder(self) -> bool {
        self.0 % 2 == 1
    }
}

/// The content of a file: zeros up to its length, but for these bytes.
#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Arc<Vec<u8>>,
    length: u64,
}

impl Content {
    fn apply(&mut self, change: &Data) {
        let small = |number: u64| usize::try_from(number).expect("small");
        match change {
            Data::Length(length) => {
                self.length = *length;
                if small(*length) < self.bytes.len() {
                    Arc::make_mut(&mut self.bytes).truncate(small(*length));
                }
            }
            Data::Write { at, bytes } => {
                let (from, to) = (small(*at), small(*at) + bytes.len());
                let mine = Arc::make_mut(&mut self.bytes);
                mine.resize(mine.len().max(to), 0);
                mine[from..to].copy_from_slice(bytes);
                self.length = self.length.max(to as u64);
            }
        }
    }
}

/// What is on the disk for certain, and what may be.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    names: BTreeMap<(Node, Vec<u8>), Node>,
    files: BTreeMap<Node, Content>,
    /// Changes of names that no sync has covered, with their numbers.
    loose_names: Vec<(usize, Names)>,
    /// Changes of files that no sync has covered, with their numbers.
    loose_data: BTreeMap<Node, Vec<(usize, Data)>>,
}

/// What became of a change of a file that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is there.
    Kept,
    /// It is as if it had never been.
    Lost,
    /// The file is as long as it would be, but holds zeros instead.
    Zeroed,
    /// So many of its first bytes are there, and nothing of the rest.
    Cut(usize),
    /// A page of it, counted from its beginning, holds zeros instead.
    Holed(usize),
}

/// What a disk holds after the power failed.
#[derive(Debug)]
pub(crate) struct Image {
    names: BTreeMap<(Node, Vec<u8>), Node>,
    files: BTreeMap<Node, Content>,
}

impl Disk {
    /// The disk with a folder on it, all of it synced.
    pub(crate) fn of(store: &Path) -> Self {
        let mut disk = Self {
            names: BTreeMap::new(),
            files: BTreeMap::new(),
            loose_names: Vec::new(),
            loose_data: BTreeMap::new(),
        };
        if store.exists() {
            disk.take_in(ROOT, store);
        }
        disk
    }

    fn take_in(&mut self, folder: Node, path: &Path) {
        let node = Node::new(path.is_dir());
        let name = path.file_name().expect("a name").as_bytes().to_vec();
        self.names.insert((folder, name), node);
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("readable") {
                self.take_in(node, &entry.expect("readable").path());
            }
        } else {
            let mut bytes = fs::read(path).expect("readable");
            let length = bytes.len() as u64;
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            self.files.insert(node, Content { bytes: bytes.into(), length });
        }
    }

    /// What stands at a path below the root, with all that happened.
    pub(crate) fn find(&self, path: &Path) -> Option<Node> {
        let mut node = ROOT;
        for name in path {
            node = *self.names.get(&(node, name.as_bytes().to_vec()))?;
        }
        Some(node)
    }

    /// The length of a file.
    pub(crate) fn length(&self, node: Node) -> u64 {
        self.files.get(&node).map_or(0, |content| content.length)
    }

    /// Something happens; `at_once` makes it durable.
    pub(crate) fn happens(&mut self, number: usize, act: &Act, at_once: bool) {
        match act {
            Act::Names(change) if at_once => rename(&mut self.names, change),
            Act::Names(change) => self.loose_names.push((number, change.clone())),
            Act::Data(node, change) if at_once => {
                self.files.entry(*node).or_default().apply(change);
            }
            Act::Data(node, change) => {
                self.loose_data.entry(*node).or_default().push((number, change.clone()));
            }
            Act::Sync(node, before) if node.is_folder() => self.sync_folder(*node, *before),
            Act::Sync(node, before) => self.sync_file(*node, *before),
            Act::Acknowledged(_) => {}
        }
    }

    /// Names reach the disk in their order: with the last one in this folder, all that came before it.
    fn sync_folder(&mut self, folder: Node, before: usize) {
        let touches = |change: &Names| match change {
            Names::Make { folder: of, .. } | Names::Remove { folder: of, .. } => *of == folder,
            Names::Move { from, to } => from.0 == folder || to.0 == folder,
        };
        let last =
            self.loose_names.iter().rposition(|(at, change)| *at < before && touches(change));
        for (_, change) in self.loose_names.drain(..last.map_or(0, |last| last + 1)) {
            rename(&mut self.names, &change);
        }
    }

    fn sync_file(&mut self, node: Node, before: usize) {
        let Some(loose) = self.loose_data.get_mut(&node) else { return };
        let durable = loose.partition_point(|(at, _)| *at < before);
        let content = self.files.entry(node).or_default();
        loose.drain(..durable).for_each(|(_, change)| content.apply(&change));
    }

    /// How many changes of names are loose.
    pub(crate) fn loose_names(&self) -> usize {
        self.loose_names.len()
    }

    /// The disk after a power failure: so many loose changes of names are there, and `fate` says what of the files is.
    pub(crate) fn image(&self, names: usize, fate: &mut dyn FnMut(usize, &Data) -> Fate) -> Image {
        let mut image = Image { names: self.names.clone(), files: self.files.clone() };
        self.loose_names
            .iter()
            .take(names)
            .for_each(|(_, change)| rename(&mut image.names, change));
        for (node, changes) in &self.loose_data {
            let content = image.files.entry(*node).or_default();
            for (number, change) in changes {
                for change in parts(change, fate(*number, change)) {
                    content.apply(&change);
                }
            }
        }
        image
    }

    /// The disk with everything that happened, as when only the process dies.
    pub(crate) fn everything(&self) -> Image {
        self.image(usize::MAX, &mut |_, _| Fate::Kept)
    }
}

/// What is left of a change.
fn parts(change: &Data, fate: Fate) -> Vec<Data> {
    let Data::Write { at, bytes } = change else {
        return if fate == Fate::Lost { Vec::new() } else { vec![change.clone()] };
    };
    let write = |bytes: Vec<u8>| vec![Data::Write { at: *at, bytes }];
    match fate {
        Fate::Kept => write(bytes.clone()),
        Fate::Lost => Vec::new(),
        Fate::Zeroed => write(vec![0; bytes.len()]),
        Fate::Cut(length) => write(bytes.get(..length).unwrap_or(bytes).to_vec()),
        Fate::Holed(page) => {
            // Pages are those of the file.
            let first = usize::try_from(at % PAGE as u64).expect("small");
            let from = (page * PAGE).saturating_sub(first).min(bytes.len());
            let to = ((page + 1) * PAGE - first).min(bytes.len());
            let mut bytes = bytes.clone();
            bytes[from..to].fill(0);
            write(bytes)
        }
    }
}

fn rename(names: &mut BTreeMap<(Node, Vec<u8>), Node>, change: &Names) {
    match change {
        Names::Make { folder, name, node } => {
            names.insert((*folder, name.clone()), *node);
        }
        Names::Move { from, to } => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
        Names::Remove { folder, name } => {
            names.remove(&(*folder, name.clone()));
        }
    }
}

impl Image {
    /// Writes what is in the root to `path`, which is the store.
    pub(crate) fn write(&self, path: &Path) {
        for ((folder, _), node) in &self.names {
            if *folder == ROOT {
                self.write_node(*node, path);
            }
        }
    }

    fn write_node(&self, node: Node, path: &Path) {
        if !node.is_folder() {
            return write_sparse(&self.files.get(&node).cloned().unwrap_or_default(), path);
        }
        fs::create_dir(path).expect("made");
        for ((_, name), child) in
            self.names.range((node, Vec::new())..).take_while(|((of, _), _)| *of == node)
        {
            self.write_node(*child, &path.join(OsStr::from_bytes(name)));
        }
    }
}

/// Writes a file without its zeros.
fn write_sparse(content: &Content, path: &Path) {
    let file = File::create(path).expect("made");
    file.set_len(content.length).expect("long enough");
    let zeros = [0; PAGE];
    for (number, part) in content.bytes.chunks(zeros.len()).enumerate() {
        if part != &zeros[..part.len()] {
            file.write_all_at(part, (number * zeros.len()) as u64).expect("written");
        }
    }
}
