//! A copy of the tree in the target folder, for what must not be done to the tree itself.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::tidy::listed;

/// A copy, and what is built from it.
#[derive(Debug)]
pub(crate) struct TreeCopy {
    source: PathBuf,
    folder: PathBuf,
}

impl TreeCopy {
    /// Makes the copy with this name, or brings it up to date.
    pub(crate) fn prepare(source: &Path, name: &str) -> Result<Self> {
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| source.join("target"), PathBuf::from);
        let copy = Self { source: source.to_owned(), folder: source.join(target).join(name) };
        fs::create_dir_all(copy.tree())?;
        copy.restore()?;
        Ok(copy)
    }

    /// Makes the copy what the tree is. Files that are the same stay as they are, so that little is built anew.
    pub(crate) fn restore(&self) -> Result<()> {
        let tree = self.tree();
        let is_there = |path: &String| self.source.join(path).is_file();
        let wanted: BTreeSet<String> = listed(&self.source)?.into_iter().filter(is_there).collect();
        for path in &wanted {
            let (from, to) = (self.source.join(path), tree.join(path));
            let content = fs::read(&from).with_context(|| format!("cannot read {path}"))?;
            if fs::read(&to).is_ok_and(|there| there == content) {
                continue;
            }
            let folder = to.parent().context("a file is in a folder")?;
            fs::create_dir_all(folder)?;
            fs::copy(&from, &to).with_context(|| format!("cannot copy {path}"))?;
        }
        for path in listed(&tree)? {
            if !wanted.contains(&path) {
                fs::remove_file(tree.join(path))?;
            }
        }
        Ok(())
    }

    /// The folder in which the copy is, for what belongs to it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The copy.
    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// A call of cargo in the copy, which builds into a folder of its own.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = process::cargo(&[]);
        command.current_dir(self.tree()).env("CARGO_TARGET_DIR", self.folder.join("target"));
        command.env_remove("CARGO_MANIFEST_DIR");
        command
    }
}
