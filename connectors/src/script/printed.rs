//! What a script prints: passed on line by line, and kept in part.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use nexus_engine::handler::StepCx;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A line is passed on in pieces of about this size if it does not end.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The kept part of a stream.
#[derive(Debug, Default)]
pub(super) struct Printed {
    bytes: VecDeque<u8>,
    bytes_max: usize,
    keeps_last: bool,
    total: u64,
}

impl Printed {
    /// Keeps the first `bytes_max` bytes.
    pub(super) fn first(bytes_max: usize) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    /// Keeps the last `bytes_max` bytes.
    pub(super) fn last(bytes_max: usize) -> Self {
        Self { bytes_max, keeps_last: true, ..Self::default() }
    }

    fn add(&mut self, chunk: &[u8]) {
        self.total += chunk.len() as u64;
        if self.keeps_last {
            self.bytes.extend(&chunk[chunk.len().saturating_sub(self.bytes_max)..]);
            self.bytes.drain(..self.bytes.len().saturating_sub(self.bytes_max));
        } else {
            let room = self.bytes_max - self.bytes.len();
            self.bytes.extend(&chunk[..chunk.len().min(room)]);
        }
    }

    /// How many bytes were printed.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Whether bytes were printed that are not kept.
    pub(super) fn is_cut(&self) -> bool {
        self.total > self.bytes.len() as u64
    }

    /// The kept part.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (head, tail) = self.bytes.as_slices();
        [head, tail].concat()
    }

    /// The kept part without line ends at its end.
    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes()).into_owned();
        text.trim_end_matches(['\n', '\r']).to_owned()
    }
}

/// Reads until `pipe` ends, and passes whole lines on to the log of the attempt, if there is one.
pub(super) async fn pump(
    mut pipe: impl AsyncRead + Unpin,
    log: Option<StepCx>,
    printed: Arc<Mutex<Printed>>,
) {
    let mut chunk = vec![0; 16 * 1024];
    let mut lines = Vec::new();
    while let Ok(len @ 1..) = pipe.read(&mut chunk).await {
        printed.lock().unwrap_or_else(PoisonError::into_inner).add(&chunk[..len]);
        let Some(cx) = &log else { continue };
        lines.extend_from_slice(&chunk[..len]);
        let end = whole(&lines, len);
        if end > 0 {
            cx.log_bytes(&lines[..end]);
            lines.drain(..end);
        }
    }
    if let Some(cx) = &log
        && !lines.is_empty()
    {
        lines.push(b'\n');
        cx.log_bytes(&lines);
    }
}

/// How much of `lines` can be passed on, if only its last `new` bytes may hold a line end.
fn whole(lines: &[u8], new: usize) -> usize {
    let start = lines.len() - new;
    match lines[start..].iter().rposition(|byte| *byte == b'\n') {
        Some(end) => start + end + 1,
        None if lines.len() >= LINE_BYTES_MAX => lines.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_or_the_last_bytes_are_kept() {
        for (mut printed, expected) in [(Printed::first(4), "abcd"), (Printed::last(4), "efgh")] {
            for chunk in ["abc", "d", "efgh"] {
                printed.add(chunk.as_bytes());
            }
            assert_eq!(
                (printed.text().as_str(), printed.total(), printed.is_cut()),
                (expected, 8, true)
            );
        }
        let mut printed = Printed::last(3);
        printed.add(b"abcdef");
        assert_eq!(printed.text(), "def");
    }

    #[test]
    fn lines_are_passed_on_whole() {
        assert_eq!(whole(b"a\nbc", 4), 2);
        assert_eq!(whole(b"abc", 3), 0);
        assert_eq!(whole(&vec![b'x'; LINE_BYTES_MAX], 1), LINE_BYTES_MAX);
    }
}
