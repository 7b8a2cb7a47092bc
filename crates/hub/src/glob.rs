//! Glob patterns for the files of a repository. `*` matches any characters including `/`, `?` matches one
//! character; nothing else is special.

use wildmatch::WildMatch;

/// Whether a path matches one of the patterns; an empty list matches everything.
pub fn matches_globs(globs: &[String], path: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| WildMatch::new(glob).matches(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_reach_into_folders() {
        let check = |glob: &str, path: &str, expected: bool| {
            assert_eq!(matches_globs(&[glob.to_owned()], path), expected, "{glob} {path}");
        };
        check("*.json", "a/config.json", true);
        check("model-?.gguf", "model-1.gguf", true);
        check("*Q4*", "DeepSeek-Q4_K_M.gguf", true);
        check("*.json", "a.jsonl", false);
        check("a", "ab", false);
        check("a*b*c", "a--b-bc", true);
        check("*", "", true);
        check("", "a", false);
        check("模?.gguf", "模型.gguf", true);
        check("a[1]{x}\\*", "a[1]{x}\\b", true);
        assert!(matches_globs(&[], "anything"));
    }
}
