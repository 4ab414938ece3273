//! Puts the pages of `docs/errors` into the binary, so that `explain` needs no network.

#![expect(clippy::print_stdout, reason = "that is how a build script talks to Cargo")]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    pages.sort();
    let mut list = String::from("&[\n");
    for page in pages {
        let code = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if code.starts_with("NX") && page.extension().is_some_and(|extension| extension == "md") {
            list.push_str(&format!(
                "    ({code:?}, include_str!({:?})),\n",
                fs::canonicalize(&page)?
            ));
        }
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    fs::write(out.join("error_pages.rs"), list)
}
