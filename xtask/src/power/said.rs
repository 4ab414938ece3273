//! What the process that appends has said, line by line.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// What was said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The file system was mounted.
    pub(super) mounted: bool,
    /// How many submissions were there at the beginning.
    pub(super) held: Option<u32>,
    /// How many were acknowledged.
    pub(super) acknowledged: u32,
    /// The store did not open, or not whole.
    pub(super) complaint: Option<String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let line = line.trim();
        match line.split_once(' ') {
            None if line == "mounted" => self.mounted = true,
            Some(("holds", number)) => self.held = number.parse().ok(),
            Some(("acknowledged", number)) => {
                // The last line may have been cut off: then it says less than was acknowledged.
                self.acknowledged = self.acknowledged.max(number.parse().unwrap_or(0));
            }
            Some(("refused" | "broken", _)) => {
                self.complaint.get_or_insert_with(|| line.to_owned());
            }
            _ => {}
        }
    }

    /// What is wrong if so much had been promised before.
    pub(super) fn loss(&self, promised: u32) -> Option<String> {
        match (&self.complaint, self.held) {
            (Some(complaint), _) => Some(format!("{promised} were acknowledged: {complaint}")),
            (None, Some(held)) if held < promised => {
                Some(format!("{promised} were acknowledged, {held} are there"))
            }
            (None, _) => None,
        }
    }
}

/// Hears lines as they come.
pub(super) struct Listener {
    lines: Receiver<String>,
    pub(super) said: Said,
}

impl Listener {
    pub(super) fn on(output: impl Read + Send + 'static) -> Self {
        let (heard, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                if heard.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self { lines, said: Said::default() }
    }

    /// Listens until `enough`, or nothing more comes, or the time is over; says whether there was enough.
    pub(super) fn until(&mut self, time: Duration, enough: impl Fn(&Said) -> bool) -> bool {
        let end = Instant::now() + time;
        while !enough(&self.said) {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.hear(&line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
            }
        }
        true
    }

    /// Hears the rest; what it comes from has ended.
    pub(super) fn rest(mut self) -> Said {
        while let Ok(line) = self.lines.recv() {
            self.said.hear(&line);
        }
        self.said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_among_those_of_a_kernel_are_heard() {
        let console = "mmapper_init - find_iomem failed\r\nmounted\r\ntest power::x ... \r\nholds 12\r\n\
            acknowledged 13\r\nacknowledged 14\r\nacknowledged 1";
        let said = Listener::on(console.as_bytes()).rest();
        assert_eq!(said, Said { mounted: true, held: Some(12), acknowledged: 14, complaint: None });
        assert_eq!(said.loss(12), None);
        assert!(said.loss(13).is_some());
    }

    #[test]
    fn a_store_that_does_not_open_is_a_loss() {
        let said =
            Listener::on(&b"refused the log ends early\nbroken the program failed\n"[..]).rest();
        assert_eq!(
            said.loss(0).as_deref(),
            Some("0 were acknowledged: refused the log ends early")
        );
    }
}
