//! Bodies of requests: read strictly, so that no field that changes an answer is dropped silently.
pub mod body;
mod fields;
mod other_fields;
