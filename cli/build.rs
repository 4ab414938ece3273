//! Puts the pages of `docs/errors` into the binary, so that `explain` needs no network.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let names = fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
    let names: Vec<Option<String>> = names.collect::<io::Result<_>>()?;
    let mut codes: Vec<&str> = names.iter().flatten().filter_map(|name| code(name)).collect();
    codes.sort_unstable();
    let mut list = String::from("&[\n");
    for code in codes {
        let page = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../docs/errors/{code}.md\")");
        let _ = writeln!(list, "    (\"{code}\", include_str!({page})),");
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    fs::write(out.join("error_pages.rs"), list)
}

/// The code that a file is about.
fn code(name: &str) -> Option<&str> {
    name.strip_suffix(".md").filter(|code| code.starts_with("NX"))
}
