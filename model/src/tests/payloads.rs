//! Payloads: large ones are named by hash, loaded when needed, and stored with the events.
