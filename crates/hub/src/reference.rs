//! What a person types or pastes to name a repository: `owner/name`, `owner/name:Q4_K_M`, or the address of a
//! page or of a file on huggingface.co, hf-mirror.com or modelscope.cn. It asks no source, and refuses text
//! that could name anything else.

use reqwest::Url;

use crate::connection::host_of;
use crate::names::check_path;
use crate::{Source, SourceKind};

const LONGEST: usize = 2000;
/// The longest name of an owner, a repository or a precision.
const LONGEST_NAME: usize = 96;
const HUGGING_FACE: [&str; 4] = ["huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com"];
const MODEL_SCOPE: [&str; 4] = ["modelscope.cn", "www.modelscope.cn", "modelscope.ai", "www.modelscope.ai"];
/// Pages of Hugging Face that are no models.
const OTHER_PAGES: [&str; 10] =
    ["datasets", "spaces", "models", "docs", "blog", "papers", "collections", "api", "settings", "tasks"];

/// A repository, and what of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The source, where the text names one.
    pub source: Option<SourceKind>,
    /// `owner/name`.
    pub repo: String,
    /// The name behind the colon.
    pub precision: Option<String>,
    /// The file or folder of an address.
    pub path: Option<String>,
}

/// Why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("it is not owner/name")]
    Shape,
    #[error("it has characters that no repository has")]
    Characters,
    #[error("{0} is not a source of models")]
    Host(String),
    #[error("{0} is not the page of a model")]
    OtherPage(String),
    /// Only the main branch is downloaded.
    #[error("{0} is another version than the newest")]
    Revision(String),
}

type Result<T> = std::result::Result<T, ReferenceError>;

impl Reference {
    /// Parses a text. `sources` are the configured ones, whose hosts are known too.
    pub fn parse(text: &str, sources: &[Source]) -> Result<Self> {
        let text = text.trim();
        let odd = |letter: char| letter.is_control() || letter == '\\';
        if text.len() > LONGEST || text.chars().any(odd) || has_dots(text) {
            return Err(ReferenceError::Characters);
        }
        match text.split_once("://") {
            Some(("https" | "http", _)) => Self::of_address(text, sources),
            Some((scheme, _)) => Err(ReferenceError::Host(scheme.to_owned())),
            // As browsers show an address: without its scheme.
            None if known(text.split('/').next().unwrap_or_default()).is_some() => {
                Self::of_address(&format!("https://{text}"), sources)
            }
            None => {
                let (owner, name) = text.split_once('/').ok_or(ReferenceError::Shape)?;
                Self::of_names(None, owner, name)
            }
        }
    }

    fn of_names(source: Option<SourceKind>, owner: &str, name: &str) -> Result<Self> {
        let (name, precision) = match name.split_once(':') {
            Some((name, precision)) => (name, Some(precision)),
            None => (name, None),
        };
        if owner.is_empty() || name.is_empty() || name.contains('/') || precision == Some("") {
            return Err(ReferenceError::Shape);
        }
        if ![Some(owner), Some(name), precision].into_iter().flatten().all(is_name) {
            return Err(ReferenceError::Characters);
        }
        let repo = format!("{owner}/{name}");
        Ok(Self { source, repo, precision: precision.map(str::to_owned), path: None })
    }

    fn of_address(text: &str, sources: &[Source]) -> Result<Self> {
        let url = Url::parse(text).map_err(|_| ReferenceError::Shape)?;
        let host = host_of(&url);
        let configured =
            |source: &&Source| Url::parse(&source.endpoint).is_ok_and(|endpoint| host_of(&endpoint) == host);
        let source = known(&host).or_else(|| sources.iter().find(configured).map(|source| source.kind));
        let source = source.ok_or_else(|| ReferenceError::Host(host.clone()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ReferenceError::Characters);
        }
        let segments: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
        let other = || ReferenceError::OtherPage(format!("{host}{}", url.path()));
        let (owner, name, rest) = match (source, &segments[..]) {
            (SourceKind::HuggingFace, [owner, ..]) if OTHER_PAGES.contains(owner) => return Err(other()),
            (SourceKind::HuggingFace, [owner, name, rest @ ..]) => (owner, name, rest),
            (SourceKind::ModelScope, ["models", owner, name, rest @ ..]) => (owner, name, rest),
            _ => return Err(other()),
        };
        let place = match (source, rest) {
            (_, ["tree" | "blob" | "resolve" | "raw", place @ ..]) => place,
            (SourceKind::ModelScope, ["file", "view", place @ ..]) => place,
            // Another tab of the page, such as its discussions.
            _ => &[],
        };
        let path = match place {
            [] => None,
            [revision, ..] if !["main", "master"].contains(revision) => {
                return Err(ReferenceError::Revision((*revision).to_owned()));
            }
            [_] => None,
            [_, path @ ..] => Some(decoded(&path.join("/")).ok_or(ReferenceError::Characters)?),
        };
        Ok(Self { path, ..Self::of_names(Some(source), owner, name)? })
    }
}

fn known(host: &str) -> Option<SourceKind> {
    let host = host.to_ascii_lowercase();
    match &*host {
        host if HUGGING_FACE.contains(&host) => Some(SourceKind::HuggingFace),
        host if MODEL_SCOPE.contains(&host) => Some(SourceKind::ModelScope),
        _ => None,
    }
}

/// Whether a text goes up a folder, also in percent signs, which an address resolves silently.
fn has_dots(text: &str) -> bool {
    let plain = text.to_ascii_lowercase().replace("%2e", ".");
    plain.split(['/', '?', '#']).any(|part| part == "." || part == "..")
}

/// Whether a text may be the name of an owner, a repository or a precision.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let edge = |byte: Option<u8>| byte.is_none_or(|byte| b".-".contains(&byte));
    text.len() <= LONGEST_NAME
        && text.bytes().all(plain)
        && !text.contains("..")
        && !edge(text.bytes().next())
        && text.bytes().last().is_some_and(|byte| byte != b'.')
}

/// A path without percent signs, if it is one of a file in a repository.
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let path = String::from_utf8(bytes).ok()?;
    (check_path(&path).is_ok() && !path.chars().any(char::is_control)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HF: Option<SourceKind> = Some(SourceKind::HuggingFace);
    const MS: Option<SourceKind> = Some(SourceKind::ModelScope);

    #[test]
    fn what_people_type_and_paste_names_a_repository() {
        let check = |text: &str, source, repo: &str, precision: Option<&str>, path: Option<&str>| {
            let own = [Source::model_scope("http://127.0.0.1:4000/base")];
            let read = Reference::parse(text, &own).unwrap_or_else(|error| panic!("{text}: {error}"));
            let of = (read.source, &*read.repo, read.precision.as_deref(), read.path.as_deref());
            assert_eq!(of, (source, repo, precision, path), "{text}");
        };
        check(" deepseek-ai/DeepSeek-R1 ", None, "deepseek-ai/DeepSeek-R1", None, None);
        check("unsloth/R1-GGUF:UD-Q4_K_XL", None, "unsloth/R1-GGUF", Some("UD-Q4_K_XL"), None);
        check("https://huggingface.co/a/b", HF, "a/b", None, None);
        check("huggingface.co/a/b/", HF, "a/b", None, None);
        check("hf.co/a/b:q4_k_m", HF, "a/b", Some("q4_k_m"), None);
        check("https://hf-mirror.com/a/b/tree/main", HF, "a/b", None, None);
        check("https://huggingface.co/a/b/tree/main/Q4_K_M", HF, "a/b", None, Some("Q4_K_M"));
        check("https://huggingface.co/a/b/blob/main/x%20y.gguf", HF, "a/b", None, Some("x y.gguf"));
        let file = "https://huggingface.co/a/b/resolve/main/d/x-Q8_0.gguf?download=true";
        check(file, HF, "a/b", None, Some("d/x-Q8_0.gguf"));
        check("https://huggingface.co/a/b/discussions/3#top", HF, "a/b", None, None);
        check("https://HuggingFace.co/a/b?not-for-all-audiences=true", HF, "a/b", None, None);
        check("https://modelscope.cn/models/a/b", MS, "a/b", None, None);
        check("www.modelscope.cn/models/a/b/summary", MS, "a/b", None, None);
        check("https://www.modelscope.cn/models/a/b/files", MS, "a/b", None, None);
        let file = "https://modelscope.cn/models/a/b/file/view/master/x.gguf?status=2";
        check(file, MS, "a/b", None, Some("x.gguf"));
        check("https://modelscope.cn/models/a/b/resolve/master/x.gguf", MS, "a/b", None, Some("x.gguf"));
        check("http://127.0.0.1:4000/models/a/b", MS, "a/b", None, None);
    }

    #[test]
    fn what_could_name_anything_else_is_refused() {
        let check = |text: &str, refused: fn(&ReferenceError) -> bool| {
            let error = Reference::parse(text, &[]).expect_err(text);
            assert!(refused(&error), "{text}: {error:?}");
        };
        let long = format!("a/{}", "b".repeat(97));
        for text in ["", "guide", "a/", "/b", "a/b/c", "a/b:", "a/b/c.gguf"] {
            check(text, |error| *error == ReferenceError::Shape);
        }
        let odd = [
            "a/..",
            "../b",
            "a/b\u{7}",
            "a/b\u{0}c",
            "a\\b/c",
            "a/b:../x",
            "a/b c",
            "-a/b",
            "a/.b",
            "a/b.",
            "a/模型",
            "a/b:q4 k",
            "https://huggingface.co/a/../b",
            "https://huggingface.co/a/%2E%2e/b",
            "https://huggingface.co/a/b/resolve/main/../../x",
            "https://user@huggingface.co/a/b",
            "https://huggingface.co/a/b/blob/main/c%3a%5cx.gguf",
            "https://huggingface.co/a/b/blob/main/x%0a",
            &long,
        ];
        for text in odd {
            check(text, |error| *error == ReferenceError::Characters);
        }
        let elsewhere = [
            "https://huggingface.co.evil.com/a/b",
            "https://huggingface.co@evil.com/a/b",
            "ftp://hf.co/a/b",
            "https://evil.com/huggingface.co/a/b",
            "http://127.0.0.1/a/b",
            "file:///etc/passwd",
            "https://huggingface.co:8080/a/b",
        ];
        for text in elsewhere {
            check(text, |error| matches!(error, ReferenceError::Host(_)));
        }
        for text in [
            "https://huggingface.co/datasets/a/b",
            "https://huggingface.co/a",
            "https://modelscope.cn/a/b",
            "https://huggingface.co/",
        ] {
            check(text, |error| matches!(error, ReferenceError::OtherPage(_)));
        }
        check("https://huggingface.co/a/b/tree/v2", |error| matches!(error, ReferenceError::Revision(_)));
    }
}
