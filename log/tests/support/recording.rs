//! What a child process did to the files of a store, in the order in which it happened.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::disk::{Disk, Node, ROOT};
use crate::trace::{self, Call};

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Act {
    /// Names changed.
    Names(Names),
    /// The content of a file changed.
    Data(Node, Data),
    /// A file or folder was synced, as far as it had come after so many acts.
    Sync(Node, usize),
    /// The process had been told that all submissions below this number are durable.
    Acknowledged(u32),
}

/// A change of names.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    Make { folder: Node, name: Vec<u8>, node: Node },
    Move { from: (Node, Vec<u8>), to: (Node, Vec<u8>) },
    Remove { folder: Node, name: Vec<u8> },
}

/// A change of a file's content.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Write { at: u64, bytes: Vec<u8> },
    Length(u64),
}

/// What was recorded.
pub(crate) struct Recording {
    pub(crate) acts: Vec<Act>,
    /// What was on the disk before.
    pub(crate) before: Disk,
}

/// Lets a child do its part on the store, and records it.
pub(crate) fn record(child: &Command, store: &Path) -> Recording {
    let folder = crate::scratch::folder();
    let trace = folder.path().join("trace");
    let before = Disk::of(store);
    let output = trace::recorded(child, &trace).output().expect("strace starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let recording = recording(&trace::read(&trace), store, before);
    // The recorder is right if doing it all again leaves what the process left.
    let mut disk = recording.before.clone();
    for (number, act) in recording.acts.iter().enumerate() {
        disk.happens(number, act, true);
    }
    let again = crate::scratch::folder();
    disk.everything().write(&again.path().join("store"));
    same(store, &again.path().join("store"));
    recording
}

fn same(one: &Path, other: &Path) {
    let (files, others) = (crate::folders::files(one), crate::folders::files(other));
    assert_eq!(files.len(), others.len(), "{files:#?} {others:#?}");
    for (file, other) in files.iter().zip(&others) {
        assert_eq!(file.file_name(), other.file_name());
        let (file, other) = (fs::read(file).expect("there"), fs::read(other).expect("there"));
        assert!(file == other, "{files:#?} differ");
    }
}

/// An open file.
#[derive(Clone, Copy)]
struct Open {
    node: Node,
    at: u64,
    appends: bool,
}

fn recording(calls: &[Call], store: &Path, before: Disk) -> Recording {
    let mut translation = Translation { store, disk: before.clone(), open: HashMap::new() };
    // Acts with the line of the trace where they took effect; a sync with the line where it began.
    let mut acts: Vec<(usize, Act)> = Vec::new();
    for call in calls {
        let act = translation.translate(call);
        for act in act {
            translation.disk.happens(0, &act, true);
            acts.push((
                if matches!(act, Act::Acknowledged(_)) { call.began } else { call.ended },
                act,
            ));
        }
    }
    acts.sort_by_key(|(line, _)| *line);
    let lines: Vec<_> = acts.iter().map(|(line, _)| *line).collect();
    let mut acts: Vec<_> = acts.into_iter().map(|(_, act)| act).collect();
    for act in &mut acts {
        if let Act::Sync(_, began) = act {
            *began = lines.partition_point(|line| line < began);
        }
    }
    Recording { acts, before }
}

fn made((folder, name): (Node, Vec<u8>), is_folder: bool) -> Act {
    Act::Names(Names::Make { folder, name, node: Node::new(is_folder) })
}

struct Translation<'a> {
    store: &'a Path,
    disk: Disk,
    open: HashMap<u64, Open>,
}

impl Translation<'_> {
    /// Folder and name of a path, if it is in the store or the store itself.
    fn place(&self, path: &Path) -> Option<(Node, Vec<u8>)> {
        let parent = self.node(path.parent()?)?;
        Some((parent, path.file_name()?.as_bytes().to_vec()))
    }

    fn node(&self, path: &Path) -> Option<Node> {
        if Some(path) == self.store.parent() {
            return Some(ROOT);
        }
        let relative = path.strip_prefix(self.store.parent()?).ok()?;
        self.disk.find(relative)
    }

    fn translate(&mut self, call: &Call) -> Vec<Act> {
        let Some(result) = call.result else { return Vec::new() };
        match call.name.as_str() {
            "openat" => self.opened(call, result),
            "mkdir" | "mkdirat" => {
                let path = call.path();
                self.place(&path).map(|place| made(place, true)).into_iter().collect()
            }
            "rename" | "renameat" | "renameat2" => {
                let paths: Vec<PathBuf> = call
                    .arguments
                    .iter()
                    .filter(|argument| argument.words.is_empty())
                    .map(trace::Argument::path)
                    .collect();
                let [from, to] = &paths[..] else { panic!("two paths: {call:?}") };
                let (from, to) = (self.place(from), self.place(to));
                let act = from.zip(to).map(|(from, to)| Act::Names(Names::Move { from, to }));
                act.into_iter().collect()
            }
            "unlink" | "rmdir" => self.removed(&call.path()),
            "unlinkat" => {
                let (folder, name) = (call.argument(0), call.argument(1).path());
                let path = if name.is_absolute() { name } else { folder.path().join(name) };
                self.removed(&path)
            }
            "write" => self.written(call, None),
            "pwrite64" => self.written(call, Some(call.argument(3).number())),
            "ftruncate" => {
                let file = self.open.get(&call.argument(0).number());
                let length = call.argument(1).number();
                file.map(|file| Act::Data(file.node, Data::Length(length))).into_iter().collect()
            }
            "fsync" | "fdatasync" => {
                let file = self.open.get(&call.argument(0).number());
                file.map(|file| Act::Sync(file.node, call.began)).into_iter().collect()
            }
            "lseek" => {
                if let Some(file) = self.open.get_mut(&call.argument(0).number()) {
                    file.at = result;
                }
                Vec::new()
            }
            "read" => {
                if let Some(file) = self.open.get_mut(&call.argument(0).number()) {
                    file.at += result;
                }
                Vec::new()
            }
            name => {
                assert!(!call.path().starts_with(self.store), "{name} is not understood: {call:?}");
                Vec::new()
            }
        }
    }

    fn opened(&mut self, call: &Call, descriptor: u64) -> Vec<Act> {
        self.open.remove(&descriptor);
        let path = call.argument(1).path();
        if !path.starts_with(self.store) && Some(&*path) != self.store.parent() {
            return Vec::new();
        }
        let flags = call.argument(2).words.clone();
        let mut acts = Vec::new();
        let node = if let Some(node) = self.node(&path) {
            if flags.contains("O_TRUNC") {
                acts.push(Act::Data(node, Data::Length(0)));
            }
            node
        } else {
            let place =
                self.place(&path).unwrap_or_else(|| panic!("no folder for {}", path.display()));
            let act = made(place, false);
            let Act::Names(Names::Make { node, .. }) = &act else {
                unreachable!("it makes a file")
            };
            let node = *node;
            acts.push(act);
            node
        };
        self.open.insert(descriptor, Open { node, at: 0, appends: flags.contains("O_APPEND") });
        acts
    }

    fn removed(&self, path: &Path) -> Vec<Act> {
        let place = self.place(path).filter(|_| self.node(path).is_some());
        place.map(|(folder, name)| Act::Names(Names::Remove { folder, name })).into_iter().collect()
    }

    fn written(&mut self, call: &Call, at: Option<u64>) -> Vec<Act> {
        let descriptor = call.argument(0).number();
        let written = call.result.expect("it returned");
        let argument = call.argument(1);
        if descriptor == 1 {
            let text = String::from_utf8_lossy(&argument.bytes).into_owned();
            let numbers = text.lines().filter_map(|line| line.strip_prefix("acknowledged "));
            return numbers
                .map(|number| Act::Acknowledged(number.parse().expect("a number")))
                .collect();
        }
        let Some(file) = self.open.get_mut(&descriptor) else { return Vec::new() };
        let place = match at {
            Some(at) => at,
            None if file.appends => self.disk.length(file.node),
            None => file.at,
        };
        if at.is_none() {
            file.at = place + written;
        }
        let bytes = argument.bytes.get(..usize::try_from(written).expect("small"));
        let bytes = bytes.expect("all bytes are written down").to_vec();
        vec![Act::Data(file.node, Data::Write { at: place, bytes })]
    }
}
