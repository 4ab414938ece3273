//! Pages of `starts`: those that are being started, by their keys, then those that are kept, by the time they are due.
//!
//! A page begins behind a place: `s`, the key's id and the number of a run that is being started; or `k` and the key of a timer. A start
//! that is put off while pages are read moves to a later place, and may be seen again.

use std::fmt::Write as _;

use nexus_engine::model::aggregate::{AggregateId, Kind, State};
use nexus_engine::model::start_key::StartKey;
use nexus_engine::tables::{TIMERS, read_timer_key};

use super::ROWS_MAX;
use crate::Service;
use crate::api::Problem;
use crate::problems;

/// Where a start stands in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// It is being started.
    Starting([u8; 16], u32),
    /// It is kept: the key of its timer.
    Kept(Vec<u8>),
}

/// A start that has not led to a run yet, with its place.
pub(super) struct Open {
    pub(super) place: Place,
    pub(super) key: StartKey,
    pub(super) number: u32,
}

impl Place {
    /// Reads what [`text`](Self::text) wrote.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let place = match text.as_bytes().first() {
            Some(b's') => text[1..].split_once('.').and_then(|(id, number)| {
                Some(Self::Starting(bytes(id)?.try_into().ok()?, number.parse().ok()?))
            }),
            Some(b'k') => bytes(&text[1..]).map(Self::Kept),
            Some(_) | None => None,
        };
        place.ok_or_else(|| problems::bad_request(format!("`{text}` begins no page")))
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Starting(id, number) => format!("s{}.{number}", digits(id)),
            Self::Kept(key) => format!("k{}", digits(key)),
        }
    }
}

/// Two hexadecimal digits for each byte.
fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let is_hex = hex.len().is_multiple_of(2) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).ok();
    is_hex.then(|| (0..hex.len()).step_by(2).map(byte).collect())?
}

/// At most `max` starts that are behind `after`.
pub(super) fn open_behind(
    service: &Service,
    after: Option<&Place>,
    max: usize,
) -> Result<Vec<Open>, Problem> {
    let mut found = Vec::new();
    if !matches!(after, Some(Place::Kept(_))) {
        let from = match after {
            Some(Place::Starting(id, number)) => Some((*id, *number)),
            Some(Place::Kept(_)) | None => None,
        };
        starting_behind(service, from, max, &mut found)?;
    }
    let from = match after {
        Some(Place::Kept(key)) => [key, &[0][..]].concat(),
        Some(Place::Starting(..)) | None => Vec::new(),
    };
    kept_from(service, from, max, &mut found)?;
    Ok(found)
}

fn starting_behind(
    service: &Service,
    after: Option<([u8; 16], u32)>,
    max: usize,
    found: &mut Vec<Open>,
) -> Result<(), Problem> {
    let mut ids = super::starting(service, usize::MAX)?;
    ids.sort_by_key(|id| id.bytes());
    for id in ids.into_iter().filter(|id| after.is_none_or(|(after, _)| id.bytes() >= after)) {
        let Some(key) = start_key(service, id)? else { continue };
        for number in key.starting.keys().copied() {
            if found.len() >= max {
                return Ok(());
            }
            if after.is_none_or(|after| (id.bytes(), number) > after) {
                let place = Place::Starting(id.bytes(), number);
                found.push(Open { place, key: key.clone(), number });
            }
        }
    }
    Ok(())
}

fn kept_from(
    service: &Service,
    mut next: Vec<u8>,
    max: usize,
    found: &mut Vec<Open>,
) -> Result<(), Problem> {
    let end = [u8::MAX; 9];
    while found.len() < max {
        let rows = service.handle().log().rows(TIMERS, &next, &end, ROWS_MAX);
        let rows = rows.map_err(|error| problems::read(&error))?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        next = [last, &[0][..]].concat();
        for (row, _) in rows {
            if found.len() >= max {
                return Ok(());
            }
            let id = read_timer_key(&row).and_then(|(_, run, _)| AggregateId::of(run.0));
            let Some(id) = id.filter(|id| id.kind() == Kind::StartKey) else { continue };
            let Some(key) = start_key(service, id)? else { continue };
            if let Some(number) = key.kept.as_ref().map(|kept| kept.number) {
                found.push(Open { place: Place::Kept(row), key, number });
            }
        }
    }
    Ok(())
}

fn start_key(service: &Service, id: AggregateId) -> Result<Option<StartKey>, Problem> {
    let entity = service.handle().loader().aggregate(id).map_err(|error| problems::load(&error))?;
    let Some(State::StartKey(key)) = entity.map(|entity| entity.state) else { return Ok(None) };
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written_and_nothing_else_is() {
        for place in [Place::Starting([7; 16], 3), Place::Kept(vec![0, 255, 16])] {
            assert_eq!(Place::read(&place.text()).expect("a place"), place);
        }
        assert!(Place::Starting([255; 16], 9) < Place::Kept(vec![0]));
        for wrong in ["", "s", "k0", "kzz", "s07.1", "x00", "sé", "k+1"] {
            assert_eq!(Place::read(wrong).expect_err("no place").code, "NX7019", "{wrong}");
        }
    }
}
