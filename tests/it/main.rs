//! Whole flows and the rules of ARCHITECTURE.md, in one test binary, so that everything is linked once.
//! Flows use the real programs and the Guide; other computers and services are those of `testkit`.

mod bad_files;
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
mod evaluation;
mod files;
mod first_run;
mod guide_talks;
mod guides;
mod host;
mod imports;
mod inside;
mod labels;
mod llama_server;
mod local_files;
mod model_settings;
mod other_programs;
mod pictures;
mod programs;
mod repositories;
mod sampling;
mod screen;
mod scripts;
mod secrets;
mod serving;
mod style;
mod tokens;
mod worker_dies;
