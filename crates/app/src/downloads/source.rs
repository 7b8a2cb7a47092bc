//! A source as the settings have it, with the access token that its official client would use. The token is
//! sent to the source's endpoint only.
use std::path::{Path, PathBuf};

use contract::{SettingsView, SourceKind};
use hub::Source;

use crate::App;

impl App {
    pub(crate) fn configured(&self, settings: &SettingsView, source: SourceKind) -> Source {
        let configured = match source {
            SourceKind::HuggingFace => Source::hugging_face(&settings.hugging_face_endpoint),
            SourceKind::ModelScope => Source::model_scope(&settings.model_scope_endpoint),
        };
        let variable = |name: &str| std::env::var(name).ok();
        Source { token: token(source, self.paths.home_dir.as_deref(), variable), ..configured }
    }
}

/// The variable of the client, or what `huggingface-cli login` stored.
fn token(
    source: SourceKind,
    home: Option<&Path>,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let trimmed = |text: String| Some(text.trim().to_owned()).filter(|token| !token.is_empty());
    let named = |name: &str| variable(name).and_then(trimmed);
    match source {
        SourceKind::ModelScope => named("MODELSCOPE_API_TOKEN"),
        SourceKind::HuggingFace => named("HF_TOKEN").or_else(|| {
            let folder = |name: &str, inside: &str| Some(PathBuf::from(named(name)?).join(inside));
            // The order of huggingface_hub.
            let file = named("HF_TOKEN_PATH")
                .map(PathBuf::from)
                .or_else(|| folder("HF_HOME", "token"))
                .or_else(|| folder("XDG_CACHE_HOME", "huggingface/token"))
                .or_else(|| Some(home?.join(".cache/huggingface/token")))?;
            std::fs::read_to_string(file).ok().and_then(trimmed)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_login_is_found_where_the_official_client_keeps_it() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join(".cache/huggingface");
        std::fs::create_dir_all(&folder).expect("is made");
        let none = |_: &str| None;
        let of =
            |source, variable: &dyn Fn(&str) -> Option<String>| token(source, Some(home.path()), variable);
        assert_eq!(of(SourceKind::HuggingFace, &none), None);
        std::fs::write(folder.join("token"), "hf_login\n").expect("is written");
        assert_eq!(of(SourceKind::HuggingFace, &none).as_deref(), Some("hf_login"));
        assert_eq!(token(SourceKind::HuggingFace, None, none), None);
        let set = |name: &str| (name == "HF_TOKEN").then(|| "hf_set".to_owned());
        assert_eq!(of(SourceKind::HuggingFace, &set).as_deref(), Some("hf_set"), "it comes first");
        let elsewhere = |name: &str| (name == "HF_HOME").then(|| "/nowhere".to_owned());
        assert_eq!(of(SourceKind::HuggingFace, &elsewhere), None, "another home has its own");
        assert_eq!(of(SourceKind::ModelScope, &none), None, "it is no token of another source");
    }
}
