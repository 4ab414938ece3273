//! Checkpoints: how far the views have read, and how to know that it was this log.

use nexus_log::{EventLog, Partition, Position};

use crate::ViewsError;
use crate::store::{Change, Rows, Table};

const KEY: &[u8] = b"checkpoint";
const LAYOUT_KEY: &[u8] = b"layout";

/// How far views have read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything below this position is in the rows.
    pub position: Position,
    /// The chain of the frame that ends there; zeros at the beginning of the log.
    pub chain: [u8; 16],
}

/// The row of a checkpoint.
pub(crate) fn row(checkpoint: &Checkpoint) -> Change {
    let mut value = checkpoint.position.0.to_be_bytes().to_vec();
    value.extend_from_slice(&checkpoint.chain);
    Change { table: Table::Meta, key: KEY.to_vec(), value: Some(value) }
}

/// The row of the layout: which views there are, in which versions.
pub(crate) fn layout_row(layout: &str) -> Change {
    let value = Some(layout.as_bytes().to_vec());
    Change { table: Table::Meta, key: LAYOUT_KEY.to_vec(), value }
}

/// Reads the checkpoint; the beginning of the log if there is none.
pub(crate) fn read(rows: &dyn Rows) -> Result<Checkpoint, ViewsError> {
    let Some(value) = rows.get(Table::Meta, KEY)? else { return Ok(Checkpoint::default()) };
    parse(&value).ok_or(ViewsError::Row { view: "meta" })
}

fn parse(value: &[u8]) -> Option<Checkpoint> {
    let (position, chain) = value.split_first_chunk::<8>()?;
    let position = Position(u64::from_be_bytes(*position));
    Some(Checkpoint { position, chain: chain.try_into().ok()? })
}

/// Whether nothing was ever put into the rows: they are new, or the process that made them ended before it said of which layout.
pub(crate) fn is_unused(rows: &dyn Rows) -> Result<bool, ViewsError> {
    for table in Table::ALL {
        if rows.all(table).next().transpose()?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the rows are of this layout.
pub(crate) fn has_layout(rows: &dyn Rows, layout: &str) -> Result<bool, ViewsError> {
    Ok(rows.get(Table::Meta, LAYOUT_KEY)?.is_some_and(|found| found == layout.as_bytes()))
}

/// Whether the rows were folded from `log`: the frame before the checkpoint is the one that was read.
pub(crate) fn fits(checkpoint: &Checkpoint, log: &dyn EventLog) -> Result<bool, ViewsError> {
    let Checkpoint { position, chain } = *checkpoint;
    if position == Position(0) {
        return Ok(true);
    }
    if position > log.durable(Partition(0)) {
        return Ok(false);
    }
    let frames = log.read(Partition(0), Position(position.0 - 1), 1)?;
    let ends_there = |frame: &nexus_log::Frame| frame.next_position() == position;
    Ok(frames.first().is_some_and(|frame| ends_there(frame) && frame.chain == chain))
}
