//! The pure core: definitions, events, decisions and their folding.
