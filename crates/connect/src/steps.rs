//! What a person has to do by hand, without words: the names of commands, fields and pages are those of the
//! program, and the sentences around them come from elsewhere.

/// Steps in place of a file, or after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps {
    /// In their order. Those with a [`Way`] are alternatives.
    pub steps: Vec<Step>,
    /// An origin that the server must allow.
    pub origin: Option<&'static str>,
}

/// One thing to do.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Install the program or plugin: it is not where its settings would be.
    Install { name: &'static str },
    /// Run this command in a terminal, if the program is installed in this way.
    Run { way: Way, command: String },
    /// Start the program with this variable in its environment.
    Variable { name: &'static str, value: String },
    /// Open this page of the program, from label to label.
    Open { labels: &'static [&'static str] },
    /// Enter this value in a field.
    Enter { field: Field, value: String },
    /// Choose this model.
    Choose { model: String },
    /// Start the program anew: it reads its settings then.
    Restart,
}

/// In which way a program is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a container.
    Docker,
    /// As a package of Python.
    Pip,
}

/// The field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The address, with `/v1`.
    Address,
    /// The key.
    Key,
    /// The name of the provider.
    Name,
    /// The name of the model.
    Model,
}

impl Step {
    /// A name for the step that does not change, for the sentence that goes with it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Install { .. } => "install",
            Self::Run { way: Way::Docker, .. } => "run-docker",
            Self::Run { way: Way::Pip, .. } => "run-pip",
            Self::Variable { .. } => "variable",
            Self::Open { .. } => "open",
            Self::Enter { field: Field::Address, .. } => "enter-address",
            Self::Enter { field: Field::Key, .. } => "enter-key",
            Self::Enter { field: Field::Name, .. } => "enter-name",
            Self::Enter { field: Field::Model, .. } => "enter-model",
            Self::Choose { .. } => "choose-model",
            Self::Restart => "restart",
        }
    }
}

/// Values are left out: some are keys, and a log is no place for them.
impl std::fmt::Debug for Step {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.code())
    }
}
