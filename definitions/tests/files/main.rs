//! Definitions as files: valid ones, broken ones, those of the documentation, and noise.

mod broken;
mod calls;
mod cases;
mod noise;
mod pages;
mod problems;
mod round_trip;
mod shaken;
mod valid;

use std::fs;
use std::path::PathBuf;

/// Handlers that the files may call.
const KNOWN: [&str; 5] = ["http.request", "log", "json.merge", "file.read", "file.write"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Name and text of every file of a folder of the repository that ends like this, by name.
fn files(folder: &str, end: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("it is readable").path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("UTF-8"))
        })
        .collect();
    files.sort();
    files
}

fn workflows(folder: &str) -> Vec<(String, String)> {
    files(folder, ".workflow.yaml")
}

/// The document without places.
fn json(text: &str) -> Option<serde_json::Value> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).ok()
}
