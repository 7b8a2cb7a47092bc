//! Bodies of OpenAI's Responses API as the worker serves it: requests are only read, answers only written.
//! Nothing is stored: a conversation comes whole with each request.

mod event;
mod request;
mod response;

pub use event::{ResponseEvent, SequencedEvent};
pub use request::{
    InputItem, InputPart, ReasoningParam, ResponseInput, ResponseTool, ResponsesRequest, TextFormat,
    TextParam,
};
pub use response::{
    IncompleteDetails, InputTokensDetails, ItemStatus, OutputContent, OutputItem, OutputTokensDetails,
    Response, ResponseError, ResponseStatus, ResponseText, ResponseTextFormat, ResponseUsage,
};
