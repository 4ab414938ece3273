//! What `strace` wrote down about a child process: which calls it made, with what, and when.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many bytes of a write are written down where content matters: all of them.
const ALL_BYTES: &str = "32000000";
/// How many where it does not: those of a path or of an acknowledgement.
const FEW_BYTES: &str = "300";

/// Calls that change files, make them durable, or say where the next write goes.
const CALLS: &str = "openat,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,rename,renameat,renameat2,\
unlink,unlinkat,rmdir,mkdir,mkdirat,ftruncate,truncate,fallocate,lseek,read,sync_file_range,copy_file_range,sendfile,link,\
linkat,symlink,symlinkat";

/// One call to the system.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) thread: u32,
    pub(crate) name: String,
    pub(crate) arguments: Vec<Argument>,
    /// When it began, in lines of the trace.
    pub(crate) began: usize,
    /// When it ended.
    pub(crate) ended: usize,
    /// What it returned; `None` if it failed or never returned.
    pub(crate) result: Option<u64>,
    /// Whether strace made it fail.
    pub(crate) injected: bool,
}

/// An argument of a call.
#[derive(Debug, Default)]
pub(crate) struct Argument {
    /// As it stands there: a number or flags.
    pub(crate) words: String,
    /// The path of a descriptor, or the bytes of a string.
    pub(crate) bytes: Vec<u8>,
}

impl Argument {
    /// The number.
    pub(crate) fn number(&self) -> u64 {
        let words = self.words.as_str();
        let hexadecimal = words.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16));
        hexadecimal
            .unwrap_or_else(|| words.parse())
            .unwrap_or_else(|_| panic!("no number: {words}"))
    }

    /// The path.
    pub(crate) fn path(&self) -> PathBuf {
        OsString::from_vec(self.bytes.clone()).into()
    }
}

impl Call {
    /// The argument with this number.
    pub(crate) fn argument(&self, number: usize) -> &Argument {
        self.arguments.get(number).unwrap_or_else(|| panic!("argument {number} of {self:?}"))
    }

    /// The first path in the arguments, also that of a descriptor.
    pub(crate) fn path(&self) -> PathBuf {
        let named =
            |argument: &&Argument| argument.words != "AT_FDCWD" && argument.bytes.starts_with(b"/");
        self.arguments.iter().find(named).map(Argument::path).unwrap_or_default()
    }
}

/// Runs `command` under strace, which writes down to `trace` all that it does to files.
pub(crate) fn recorded(command: &Command, trace: &Path) -> Command {
    strace(command, trace, &["--seccomp-bpf", "-s", ALL_BYTES, "-e", &format!("trace={CALLS}")])
}

/// Runs `command` under strace, which writes `calls` down to `trace` without what is written, and does what `inject` says.
pub(crate) fn traced(command: &Command, trace: &Path, calls: &str, inject: &[String]) -> Command {
    let traced = format!("trace={calls}");
    let mut options = vec!["-s", FEW_BYTES, "-e", &traced];
    // With it, strace is faster, and sends no signals.
    if !inject.iter().any(|inject| inject.contains("signal")) {
        options.push("--seccomp-bpf");
    }
    options.extend(inject.iter().flat_map(|inject| ["-e", inject]));
    strace(command, trace, &options)
}

fn strace(command: &Command, trace: &Path, options: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-xx", "-y", "-e", "raw=read", "-o"]).arg(trace).args(options);
    strace.arg(command.get_program()).args(command.get_args());
    strace.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    strace
}

/// Whether strace is there; the run of all tests names what is missing.
#[expect(clippy::print_stdout, reason = "a test that does nothing says so")]
pub(crate) fn is_installed() -> bool {
    let missing = std::env::var("NEXUS_MISSING_TOOLS").unwrap_or_default();
    let found =
        Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success());
    assert!(found || missing.contains("strace"), "install strace: it is not found");
    if !found {
        println!("skipped: strace is not installed");
    }
    found
}

/// Reads what strace wrote down, in the order in which calls ended.
pub(crate) fn read(trace: &Path) -> Vec<Call> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(trace).expect("strace wrote"));
    let mut calls = Vec::new();
    let mut unfinished: HashMap<u32, Call> = HashMap::new();
    let mut line = Vec::new();
    for number in 0.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).expect("readable") == 0 {
            break;
        }
        let mut text = Text { bytes: line.trim_ascii_end(), at: 0 };
        let thread = text.until(b" ").parse().expect("a thread");
        text.skip(b" ");
        match text.peek() {
            Some(b'+' | b'-') => {}
            Some(b'<') => {
                let mut call = unfinished.remove(&thread).expect("it began");
                text.until(b">");
                text.skip(b">");
                if call.arguments.is_empty() {
                    call.arguments = text.arguments();
                }
                text.finish(&mut call, number);
                calls.push(call);
            }
            _ => {
                let name = text.until(b"(");
                text.skip(b"(");
                let arguments = text.arguments();
                let (began, ended) = (number, usize::MAX);
                let mut call =
                    Call { thread, name, arguments, began, ended, result: None, injected: false };
                if text.rest().starts_with(b"<unfinished") {
                    unfinished.insert(thread, call);
                } else {
                    text.finish(&mut call, number);
                    calls.push(call);
                }
            }
        }
    }
    // Killed within a call: it may have happened.
    calls.extend(unfinished.into_values());
    calls.sort_by_key(|call| call.ended);
    calls
}

/// A line of the trace.
struct Text<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Text<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, any: &[u8]) {
        while self.peek().is_some_and(|byte| any.contains(&byte)) {
            self.at += 1;
        }
    }

    fn until(&mut self, any: &[u8]) -> String {
        let from = self.at;
        while self.peek().is_some_and(|byte| !any.contains(&byte)) {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.bytes[from..self.at]).into_owned()
    }

    fn arguments(&mut self) -> Vec<Argument> {
        let mut arguments = Vec::new();
        loop {
            self.skip(b", ");
            match self.peek() {
                None | Some(b')' | b'<') => return arguments,
                Some(b'"') => arguments.push(self.string()),
                Some(_) => {
                    let words = self.until(b",)< ");
                    let mut argument = Argument { words, bytes: Vec::new() };
                    if self.peek() == Some(b'<') {
                        self.at += 1;
                        argument.bytes = self.hexadecimal();
                        self.until(b">");
                        self.skip(b">");
                        if self.rest().starts_with(b"(deleted)") {
                            self.until(b")");
                            self.at += 1;
                        }
                    }
                    arguments.push(argument);
                }
            }
        }
    }

    fn string(&mut self) -> Argument {
        self.at += 1;
        let bytes = self.hexadecimal();
        self.at += 1;
        self.skip(b".");
        Argument { words: String::new(), bytes }
    }

    /// `\x61\x62` as bytes.
    fn hexadecimal(&mut self) -> Vec<u8> {
        let digit = |digit: u8| (digit & 15) + if digit > b'9' { 9 } else { 0 };
        let mut bytes = Vec::new();
        while let Some([b'\\', b'x', high, low]) = self.bytes.get(self.at..self.at + 4) {
            bytes.push(digit(*high) * 16 + digit(*low));
            self.at += 4;
        }
        bytes
    }

    fn finish(&mut self, call: &mut Call, number: usize) {
        self.skip(b") ");
        let rest = String::from_utf8_lossy(self.rest()).into_owned();
        let result = rest.strip_prefix("= ").and_then(|rest| rest.split(['<', ' ']).next());
        let value = Argument { words: result.unwrap_or("-1").to_owned(), bytes: Vec::new() };
        let failed = value.words.starts_with('-') || value.words.starts_with('?');
        call.result = (!failed).then(|| value.number());
        call.injected = rest.contains("INJECTED");
        call.ended = number;
    }
}
