//! Bodies of requests: read strictly, so that no field that changes an answer is dropped silently. What
//! becomes of each field is listed in docs/design/requests.md. Ranges of values are checked by the routes.
pub mod body;
mod fields;
mod other_fields;
