//! Twins of the domain types for the contract, made by hand so that a change inside a domain stays inside it.

mod chat;
mod failure;
mod hardware;

pub(crate) use chat::{chat_view, message_view, sampling_json, summary};
pub(crate) use failure::{history_error, storage_error};
pub(crate) use hardware::hardware_view;
