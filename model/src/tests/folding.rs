//! Folding: what `evolve` and the indexes of a run do by themselves.
