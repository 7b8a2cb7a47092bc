//! Glob patterns for the files of a repository. `*` matches any characters including `/`, `?` matches one
//! character.

/// Whether a path matches one of the patterns; an empty list matches everything.
pub fn matches_globs(globs: &[String], path: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| matches(glob, path))
}

fn matches(glob: &str, path: &str) -> bool {
    let (glob, path): (Vec<char>, Vec<char>) = (glob.chars().collect(), path.chars().collect());
    let (mut g, mut p, mut star) = (0, 0, None);
    while p < path.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, p));
                g += 1;
            }
            Some(c) if *c == '?' || *c == path[p] => {
                g += 1;
                p += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (g, p) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
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
        assert!(matches_globs(&[], "anything"));
    }
}
