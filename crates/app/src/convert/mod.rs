//! Converts the domain types to the types of the contract. They are separate, so that a change inside a
//! domain does not change the contract.

mod catalog;
mod chat;
mod failure;
mod hardware;
mod on_disk;
mod plan;
mod sizing;

pub(crate) use catalog::{
    fit_view, model_view, preset_view, recommendation_view, runs_here, sampling_view, variant_view,
};
pub(crate) use chat::{
    chat_view, document_kind_key, document_view, folder_view, message_view, picture_view, sampling_json,
    stored_call, summary,
};
pub(crate) use failure::{failure_view, history_error, invalid, storage_error, store_error};
pub(crate) use hardware::hardware_view;
pub(crate) use on_disk::{file_problem, linked_view};
pub(crate) use plan::plan_outcome;
pub(crate) use sizing::{cards_view, claim_view};
