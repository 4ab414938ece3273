mod properties;
mod stories;
