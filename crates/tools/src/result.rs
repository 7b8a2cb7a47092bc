//! What a call returned, as text for a model. A tool that reports an error has a result, too: the model reads
//! why.

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolResult {
    pub text: String,
    /// The tool reports that it failed; the text says why.
    pub is_error: bool,
}

impl ToolResult {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: false }
    }

    pub fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_error: true }
    }
}
