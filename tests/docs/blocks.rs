//! Pages and the fenced blocks in them.

use std::path::{Path, PathBuf};

/// A page of the documentation.
pub(crate) struct Page {
    /// Relative to the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) struct Block {
    /// What stands behind the three backticks.
    pub(crate) language: String,
    /// The file as which it is to be saved, if the text above it says so.
    pub(crate) saved_as: Option<String>,
    /// Number of its first line in the page.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests lie in the repository").to_owned()
}

/// Every page: those at the root and those in `docs`.
pub(crate) fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    gather(&root(), false, &mut found);
    gather(&root().join("docs"), true, &mut found);
    found.sort();
    let page = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a page is text");
        let path = path.strip_prefix(root()).expect("it lies in the repository").to_owned();
        Page { path, text }
    };
    found.into_iter().map(page).collect()
}

fn gather(folder: &Path, deep: bool, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() && deep {
            gather(&path, deep, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

impl Page {
    /// The blocks of one language, in order.
    pub(crate) fn blocks(&self, language: &str) -> Vec<Block> {
        let mut blocks = self.all_blocks();
        blocks.retain(|block| block.language == language);
        blocks
    }

    /// The page without its blocks.
    pub(crate) fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }

    /// All blocks, in order.
    pub(crate) fn all_blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        let mut saved_as = None;
        for (line, number) in self.text.lines().zip(1..) {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(language)) => {
                    let language = language.trim().to_owned();
                    let (saved_as, line) = (saved_as.take(), number + 1);
                    open = Some(Block { language, saved_as, line, text: String::new() });
                }
                (Some(_), Some("")) => blocks.extend(open.take()),
                (Some(block), _) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => saved_as = file_to_save(line).or(saved_as),
            }
        }
        blocks
    }
}

/// The file that a line asks to save the next block as.
fn file_to_save(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("Save this as `")?;
    Some(rest.split_once('`')?.0.to_owned())
}
