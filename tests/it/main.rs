//! Whole flows and the rules of the house, in one test binary.

mod bad_input;
mod bindings;
mod boundaries;
mod busy;
mod circles;
mod clouds;
mod command_line;
mod compare;
mod context;
mod deployments;
mod files;
mod first_run;
mod guide_talks;
mod host;
mod imports;
mod llama_server;
mod pictures;
mod programs;
mod sampling;
mod screen;
mod scripts;
mod secrets;
mod serving;
mod tokens;
mod worker_dies;
