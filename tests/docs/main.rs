//! The documentation is true: its commands are executed, its workflows validated, its links followed, its Rust compiled.

mod blocks;
mod console;
mod names;
mod normal;

use std::path::{Component, Path, PathBuf};

use blocks::{Page, pages, root};
use console::{Shell, steps};
use nexus_tests::is_missing;
use normal::{fits, normal};
use regex_lite::Regex;

/// Pages of errors show workflows that are wrong, and what is printed about them; they have tests of their own.
const ERRORS: &str = "docs/errors";

fn own_pages() -> impl Iterator<Item = Page> {
    pages().into_iter().filter(|page| !page.path.starts_with(ERRORS))
}

#[test]
fn every_command_prints_what_the_page_shows() {
    let (mut executed, mut wrong) = (0, Vec::new());
    for page in own_pages() {
        let mut shell = Shell::new();
        for block in page.all_blocks() {
            if let Some(file) = &block.saved_as {
                std::fs::write(shell.folder().join(file), &block.text)
                    .expect("a file can be written");
            }
            let steps = steps(&block).unwrap_or_default();
            if steps.iter().any(|step| step.command.contains("python3")) && is_missing("python3") {
                continue;
            }
            for step in steps {
                executed += 1;
                let printed = shell.execute(&step.command);
                if !fits(&normal(&step.output), &normal(&printed)) {
                    let (path, line) = (page.path.display(), block.line);
                    let command = &step.command;
                    wrong.push(format!("{path}:{line}: $ {command}\n{printed}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} commands print something else:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(executed >= 20, "only {executed} commands were found");
}

#[test]
fn every_workflow_is_valid() {
    let mut shell = Shell::new();
    let (mut count, mut wrong) = (0, Vec::new());
    for page in own_pages() {
        for block in page.blocks("yaml").into_iter().filter(|block| is_workflow(&block.text)) {
            count += 1;
            // What it calls is beside it.
            let file = shell.folder().join("examples/page.workflow.yaml");
            std::fs::write(&file, &block.text).expect("a file can be written");
            let validate = "nexus-engine validate examples/page.workflow.yaml || echo WRONG";
            let printed = shell.execute(validate);
            if printed.contains("WRONG") {
                wrong.push(format!("{}:{}\n{printed}", page.path.display(), block.line));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 10, "only {count} workflows were found");
}

fn is_workflow(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.next().is_some_and(|line| line.starts_with("nexus: v1"))
}

#[test]
fn every_link_leads_to_a_file() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a good pattern");
    let mut wrong = Vec::new();
    for page in pages() {
        let prose = page.prose();
        for found in link.captures_iter(&prose) {
            let target = &found[1];
            let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !is_elsewhere && !leads_somewhere(&page, target) {
                wrong.push(format!("{}: {target}", page.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}

fn leads_somewhere(page: &Page, target: &str) -> bool {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = page.path.parent().unwrap_or_else(|| Path::new(""));
    let path = if file.is_empty() { page.path.clone() } else { folder.join(file) };
    let path = root().join(plain(&path));
    if heading.is_empty() {
        return path.exists();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading)
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// The name under which a heading can be linked.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|char| char.is_alphanumeric() || "-_ ".contains(*char));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// Rust in a page is an excerpt of an example, which the build compiles; so is YAML that is no whole workflow.
#[test]
fn excerpts_stand_in_the_examples() {
    let mut wrong = Vec::new();
    for page in own_pages() {
        let reference = page.path.starts_with("docs/reference");
        let rust = page.blocks("rust").into_iter().map(|block| (block, "rs"));
        let yaml = page.blocks("yaml").into_iter().map(|block| (block, "yaml"));
        let yaml = yaml.filter(|(block, _)| !reference && block.text.contains("steps:"));
        // What is saved as a file is used by the commands of the page.
        let yaml = yaml.filter(|(block, _)| !is_workflow(&block.text) && block.saved_as.is_none());
        let excerpts = rust.chain(yaml);
        for (block, extension) in excerpts {
            if !examples(extension).iter().any(|example| holds(example, &block.text)) {
                wrong.push(format!("{}:{}", page.path.display(), block.line));
            }
        }
    }
    assert!(wrong.is_empty(), "in no example:\n{}", wrong.join("\n"));
}

fn examples(extension: &str) -> Vec<String> {
    let files = std::fs::read_dir(root().join("examples")).expect("the folder can be read");
    let paths = files.map(|file| file.expect("the folder can be read").path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| std::fs::read_to_string(path).expect("an example is text"))
        .collect()
}

/// Whether all lines of an excerpt stand in a text, in this order. Lines with `…` stand for what is left out.
fn holds(text: &str, excerpt: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end);
    let mut wanted =
        excerpt.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.ends_with('…'));
    wanted.all(|line| lines.any(|found| found == line))
}

/// The page of the verbs has a section for each, with the first line of its help and every flag of its own.
#[test]
fn every_verb_is_in_the_reference() {
    let page =
        std::fs::read_to_string(root().join("docs/reference/cli.md")).expect("the page is there");
    let mut shell = Shell::new();
    let mut wrong = Vec::new();
    let help = shell.execute("nexus-engine --help");
    let verbs = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let verbs = verbs.take_while(|line| !line.is_empty()).filter_map(|line| {
        let word = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?;
        word.split_whitespace().next()
    });
    let verbs: Vec<&str> = verbs.collect();
    assert!(verbs.len() >= 25, "{verbs:?}");
    for verb in verbs {
        let heading = format!("\n## {verb}\n");
        let Some((_, section)) = page.split_once(&heading) else {
            wrong.push(format!("no section for {verb}"));
            continue;
        };
        let section = section.split("\n## ").next().unwrap_or_default();
        let help = shell.execute(&format!("nexus-engine {verb} --help"));
        let about = help.lines().next().unwrap_or_default().trim_end_matches('.');
        if !section.contains(about) {
            wrong.push(format!("{verb}: its first line is not `{about}`"));
        }
        let own = help.split("Global options:").next().unwrap_or_default();
        for flag in flags(own) {
            if !section.contains(&flag) {
                wrong.push(format!("{verb}: {flag} is missing"));
            }
        }
    }
    let global = help.split("Global options:").nth(1).unwrap_or_default();
    for flag in flags(global) {
        if !page.contains(&flag) {
            wrong.push(format!("global: {flag} is missing"));
        }
    }
    assert!(wrong.is_empty(), "docs/reference/cli.md:\n{}", wrong.join("\n"));
}

/// The long flags that a help describes.
fn flags(help: &str) -> Vec<String> {
    let flag = Regex::new(r"(?m)^\s+(?:-\w, )?(--[a-z][a-z-]*)").expect("a good pattern");
    let found = flag.captures_iter(help).map(|found| found[1].to_owned());
    found.filter(|flag| flag != "--help" && flag != "--version").collect()
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let page = std::fs::read_to_string(root().join("docs/reference/exit-codes.md"))
        .expect("the page is there");
    let table = Shell::new().execute("nexus-engine help exit-codes");
    for line in table.lines() {
        let (code, meaning) = line.trim().split_once("  ").expect("code and meaning");
        let row = format!("| {code} | {} |", meaning.trim());
        assert!(page.contains(&row), "exit-codes.md lacks: {row}");
    }
}
