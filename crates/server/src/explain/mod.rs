//! Routes that show what the model does, from its own computation: the distribution of the next token, the
//! experts of a text, all experts against the chosen ones, a block of weights in FP8.
mod all_experts;
mod fp8;
mod next_token;
mod prompt_routing;
mod run;

pub use all_experts::all_experts;
pub use fp8::fp8;
pub use next_token::next_token;
pub use prompt_routing::prompt_routing;
