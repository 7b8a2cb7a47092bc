//! YAML as compose and Kubernetes read it: nodes in the order in which they are given. A value of the plan
//! stands in double quotes, so that no reader takes it for a number or a truth value.
use serde::{Serialize, Serializer};
use serde_saphyr::{Commented, DoubleQuoted, FlowSeq, ser_options};

#[derive(Serialize)]
#[serde(untagged)]
pub enum Node {
    /// Words of the format and names.
    Plain(String),
    Quoted(DoubleQuoted<String>),
    Number(u32),
    List(Vec<Node>),
    /// A list on one line.
    Flow(FlowSeq<Vec<Node>>),
    Map(#[serde(serialize_with = "entries")] Vec<(&'static str, Node)>),
    /// A scalar with a comment behind it.
    Commented(Commented<String>),
}

impl From<&str> for Node {
    fn from(word: &str) -> Self {
        Self::Plain(word.to_owned())
    }
}

impl From<u32> for Node {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

pub fn quoted(text: &str) -> Node {
    Node::Quoted(DoubleQuoted(text.to_owned()))
}

pub fn list(nodes: impl IntoIterator<Item = Node>) -> Node {
    Node::List(nodes.into_iter().collect())
}

pub fn flow(nodes: impl IntoIterator<Item = Node>) -> Node {
    Node::Flow(FlowSeq(nodes.into_iter().collect()))
}

pub fn map(entries: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    Node::Map(entries.into_iter().collect())
}

pub fn commented(word: &str, comment: &str) -> Node {
    Node::Commented(Commented(word.to_owned(), comment.to_owned()))
}

fn entries<S: Serializer>(entries: &[(&str, Node)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(name, node)| (name, node)))
}

pub fn document(root: &Node) -> String {
    let options = ser_options! { compact_list_indent: false };
    serde_saphyr::to_string_with_options(root, options).expect("texts and numbers can be written")
}
