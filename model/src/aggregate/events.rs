//! Events of aggregates as bytes: bincode over the struct of each kind.
//!
//! A struct is never edited once a release has written it; a changed event gets a new kind.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;

/// An event with a number and a name of its kind.
pub trait EventKind: Clone + std::fmt::Debug + PartialEq {
    /// All kinds: numbers and names, in order of the numbers.
    const KINDS: &'static [(u16, &'static str)];

    /// The number of its kind.
    fn kind(&self) -> u16;

    /// Appends its body.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads a body.
    fn take(kind: u16, body: &[u8]) -> Decoded<Self>;
}

/// What became of bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded<E> {
    /// An event.
    Event(E),
    /// No event of this aggregate has the kind.
    Unknown,
    /// The bytes do not fit the kind.
    Damaged,
}

/// A body of one kind.
pub trait Wire: Serialize + DeserializeOwned {
    /// Appends it.
    fn put(&self, out: &mut Vec<u8>) {
        codec::put_value(out, self);
    }

    /// Reads it; `None` if the bytes do not fit exactly.
    fn take(body: &[u8]) -> Option<Self> {
        codec::take_value(body)
    }
}

impl<T: Serialize + DeserializeOwned> Wire for T {}

/// An enum of events with one struct each, and how they are numbered, named and read.
macro_rules! aggregate_events {
    ($(#[$doc:meta])* pub enum $Event:ident {
        $($(#[$note:meta])* $number:literal $Kind:ident $name:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $Event {
            $($(#[$note])* $Kind($Kind),)*
        }

        impl $crate::aggregate::EventKind for $Event {
            const KINDS: &'static [(u16, &'static str)] = &[$(($number, $name)),*];

            fn kind(&self) -> u16 {
                match self {
                    $(Self::$Kind(_) => $number,)*
                }
            }

            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$Kind(event) => $crate::aggregate::Wire::put(event, out),)*
                }
            }

            fn take(kind: u16, body: &[u8]) -> $crate::aggregate::Decoded<Self> {
                let event = match kind {
                    $($number => <$Kind as $crate::aggregate::Wire>::take(body).map(Self::$Kind),)*
                    _ => return $crate::aggregate::Decoded::Unknown,
                };
                event.map_or($crate::aggregate::Decoded::Damaged, $crate::aggregate::Decoded::Event)
            }
        }
    };
}

pub(crate) use aggregate_events;
