//! The files of a repository by what is downloaded together: one precision in GGUF, with all its shards, or a
//! set of safetensors with its configuration and tokenizer. A pure function of names and sizes; whether a
//! group can run is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::MANIFEST;
use crate::precision_name::precision_in;
use crate::resume_state::RESUME_FILE;
use crate::{Reference, RemoteFile};

/// The name of a set of safetensors, which has its precision in the files.
const SAFETENSORS: &str = "safetensors";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    Gguf,
    Safetensors,
}

/// Files that are downloaded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGroup {
    /// What a person types for it; unique in its repository.
    pub name: String,
    /// As the names of the files have it.
    pub precision: Option<String>,
    pub format: FileFormat,
    /// Equal for the precisions of one model.
    pub model: String,
    pub files: Vec<RemoteFile>,
    /// Bytes of all files.
    pub size: u64,
}

/// The groups of a repository, the smallest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileGroups {
    pub groups: Vec<FileGroup>,
    /// Vision projectors (mmproj), which are no precision.
    pub projectors: Vec<RemoteFile>,
}

impl FileGroups {
    /// Groups the files of a listing.
    pub fn of(files: &[RemoteFile]) -> Self {
        let mut sets: BTreeMap<(String, u32), Vec<&RemoteFile>> = BTreeMap::new();
        let (mut projectors, mut folders) = (Vec::new(), BTreeSet::new());
        for file in files {
            let (folder, name) = split_folder(&file.path);
            let lower = name.to_ascii_lowercase();
            match lower.rsplit_once('.') {
                Some(("config", "json")) => drop(folders.insert(folder)),
                Some((stem, "gguf")) if stem.contains("mmproj") => projectors.push(file.clone()),
                // Statistics that quantizers publish beside their models.
                Some((stem, "gguf")) if stem.contains("imatrix") => {}
                Some((stem, "gguf")) => {
                    let (stem, count) = shard_set(&file.path[..folder.len() + stem.len()]);
                    sets.entry((stem.to_owned(), count)).or_default().push(file);
                }
                _ => {}
            }
        }
        let mut groups: Vec<FileGroup> =
            sets.into_iter().map(|((path, _), files)| gguf(&path, files)).collect();
        groups.extend(folders.into_iter().filter_map(|folder| safetensors(folder, files)));
        make_unique(&mut groups);
        groups.sort_by(|a, b| (a.size, &a.name).cmp(&(b.size, &b.name)));
        Self { groups, projectors }
    }

    /// The groups that a reference leaves: by its precision or name, or by its file or folder; all where it
    /// has neither.
    pub fn matching(&self, reference: &Reference) -> Vec<&FileGroup> {
        let named = |group: &&FileGroup| {
            let is = |wanted: &String| group.name.eq_ignore_ascii_case(wanted);
            reference.precision.as_ref().is_none_or(is)
                && reference.path.as_ref().is_none_or(|path| {
                    let below = format!("{path}/");
                    group.files.iter().any(|file| file.path == *path || file.path.starts_with(&below))
                })
        };
        self.groups.iter().filter(named).collect()
    }
}

/// A folder with its slash, and the name in it.
fn split_folder(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |at| at + 1))
}

/// The name of `name-00001-of-00005` without its number, and the count; 1 for a single file.
fn shard_set(stem: &str) -> (&str, u32) {
    let set = || {
        let (rest, count) = stem.rsplit_once("-of-")?;
        let (name, number) = rest.rsplit_once('-')?;
        let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        (digits(number) && digits(count)).then_some((name, count.parse().ok()?))
    };
    set().unwrap_or((stem, 1))
}

fn gguf(path: &str, files: Vec<&RemoteFile>) -> FileGroup {
    let (folder, stem) = split_folder(path);
    let folder = folder.trim_end_matches('/');
    // The name of the folder counts where the file's name says nothing.
    let of_folder = || folder.rsplit('/').find_map(precision_in).map(|found| (found.label, String::new()));
    let named = precision_in(stem).map(|found| (found.label, found.rest)).or_else(of_folder);
    let (precision, model) = match named {
        Some((label, rest)) => (Some(label), rest),
        None => (None, stem.to_ascii_lowercase()),
    };
    let name = precision.clone().unwrap_or_else(|| stem.to_owned());
    let model = if model.is_empty() { stem.to_ascii_lowercase() } else { model };
    group(name, precision, FileFormat::Gguf, model, files)
}

/// The safetensors of a folder that has a configuration, with everything that a start reads.
fn safetensors(folder: &str, files: &[RemoteFile]) -> Option<FileGroup> {
    let inside = |file: &&RemoteFile| split_folder(&file.path).0 == folder;
    let name = |file: &RemoteFile| split_folder(&file.path).1.to_ascii_lowercase();
    let is_weights = |file: &RemoteFile| name(file).ends_with(".safetensors");
    // The same weights under the names of another tool, and additions to another model.
    let foreign =
        |file: &RemoteFile| ["consolidated", "adapter_"].iter().any(|start| name(file).starts_with(start));
    let own = files.iter().filter(inside).any(|file| is_weights(file) && !foreign(file));
    if !own {
        return None;
    }
    let beside = |file: &RemoteFile| {
        let name = name(file);
        let reserved = folder.is_empty() && [MANIFEST, RESUME_FILE].contains(&&*name);
        let endings = [".json", ".jinja", ".model"].iter().any(|ending| name.ends_with(ending));
        (endings || name == "merges.txt") && !reserved && !foreign(file)
    };
    let wanted = |file: &&RemoteFile| (is_weights(file) && !foreign(file)) || beside(file);
    let files: Vec<&RemoteFile> = files.iter().filter(inside).filter(wanted).collect();
    let last = folder.trim_end_matches('/').rsplit('/').next().filter(|last| !last.is_empty());
    let name = last.unwrap_or(SAFETENSORS).to_owned();
    let precision = last.and_then(precision_in).map(|found| found.label);
    Some(group(name, precision, FileFormat::Safetensors, format!("{folder}{SAFETENSORS}"), files))
}

fn group(
    name: String,
    precision: Option<String>,
    format: FileFormat,
    model: String,
    files: Vec<&RemoteFile>,
) -> FileGroup {
    let size = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size));
    FileGroup { name, precision, format, model, files: files.into_iter().cloned().collect(), size }
}

/// Two models of one precision get the names of their files, then those with their folders.
fn make_unique(groups: &mut [FileGroup]) {
    for longer in [false, true] {
        let names: Vec<String> = groups.iter().map(|group| group.name.to_ascii_lowercase()).collect();
        for (at, group) in groups.iter_mut().enumerate() {
            if names.iter().filter(|name| **name == names[at]).count() > 1 {
                let first = &group.files[0].path;
                let stem = shard_set(first.rsplit_once('.').map_or(&**first, |(stem, _)| stem)).0;
                group.name = if longer { stem.replace('/', "-") } else { split_folder(stem).1.to_owned() };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of ten bytes each.
    fn groups(paths: &[&str]) -> FileGroups {
        let file = |path: &&str| RemoteFile { path: (*path).to_owned(), size: 10, digest: None };
        FileGroups::of(&paths.iter().map(file).collect::<Vec<_>>())
    }

    fn check(paths: &[&str], expected: &[(&str, Option<&str>, usize)]) {
        let found = groups(paths);
        let of = |group: &FileGroup| (group.name.clone(), group.precision.clone(), group.files.len());
        let mut got: Vec<_> = found.groups.iter().map(of).collect();
        got.sort();
        let expected = expected
            .iter()
            .map(|(name, precision, files)| ((*name).to_owned(), precision.map(str::to_owned), *files));
        assert_eq!(got, expected.collect::<Vec<_>>(), "{paths:?}");
        assert!(found.groups.iter().all(|group| group.size == 10 * group.files.len() as u64));
    }

    #[test]
    fn repositories_are_grouped_as_their_makers_lay_them_out() {
        // unsloth: folders of shards beside single files, and the statistics of the quantizer.
        check(
            &[
                "README.md",
                "config.json",
                "imatrix_unsloth.gguf",
                "DeepSeek-R1-0528-Q2_K.gguf",
                "UD-IQ1_S/DeepSeek-R1-0528-UD-IQ1_S-00001-of-00002.gguf",
                "UD-IQ1_S/DeepSeek-R1-0528-UD-IQ1_S-00002-of-00002.gguf",
                "Q4_K_M/DeepSeek-R1-0528-Q4_K_M-00001-of-00003.gguf",
                "Q4_K_M/DeepSeek-R1-0528-Q4_K_M-00002-of-00003.gguf",
                "Q4_K_M/DeepSeek-R1-0528-Q4_K_M-00003-of-00003.gguf",
                "DeepSeek-R1-0528-UD-Q4_K_XL.gguf",
            ],
            &[
                ("Q2_K", Some("Q2_K"), 1),
                ("Q4_K_M", Some("Q4_K_M"), 3),
                ("UD-IQ1_S", Some("UD-IQ1_S"), 2),
                ("UD-Q4_K_XL", Some("UD-Q4_K_XL"), 1),
            ],
        );
        // bartowski: one folder per large precision, everything else beside it.
        check(
            &[
                "R1-Distill-7B-Q4_K_M.gguf",
                "R1-Distill-7B-f32/R1-Distill-7B-f32-00001-of-00002.gguf",
                "R1-Distill-7B-f32/R1-Distill-7B-f32-00002-of-00002.gguf",
                "R1-Distill-7B.imatrix",
                "mmproj-R1-f16.gguf",
            ],
            &[("F32", Some("F32"), 2), ("Q4_K_M", Some("Q4_K_M"), 1)],
        );
        // ggml-org: small letters, and a projector.
        check(
            &["model-q8_0.gguf", "mmproj-model-f16.gguf", "MODEL-Q4_0.GGUF"],
            &[("Q4_0", Some("Q4_0"), 1), ("Q8_0", Some("Q8_0"), 1)],
        );
        // The precision is in the folder only.
        check(
            &["BF16/m-00001-of-00002.gguf", "BF16/m-00002-of-00002.gguf", "FP16/m.gguf"],
            &[("BF16", Some("BF16"), 2), ("F16", Some("F16"), 1)],
        );
        // deepseek-ai: one set of safetensors with what a start reads.
        check(
            &[
                ".gitattributes",
                "README.md",
                "LICENSE",
                "config.json",
                "generation_config.json",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "modeling_deepseek.py",
                "figures/benchmark.jpg",
                "inference/configs/config_671B.json",
            ],
            &[("safetensors", None, 7)],
        );
        // Two tools' names of the same weights; an adapter is no model.
        check(
            &["config.json", "consolidated.safetensors", "model.safetensors", "params.json", "model.json"],
            &[("safetensors", None, 3)],
        );
        check(&["adapter_config.json", "adapter_model.safetensors", "config.json"], &[]);
        check(&["model.safetensors", "README.md"], &[]);
        // Two models of one precision, and one without any.
        check(
            &["coder-Q8_0.gguf", "chat-Q8_0.gguf", "tiny.gguf", "a/chat-Q4_0.gguf", "b/chat-Q4_0.gguf"],
            &[
                ("a-chat-Q4_0", Some("Q4_0"), 1),
                ("b-chat-Q4_0", Some("Q4_0"), 1),
                ("chat-Q8_0", Some("Q8_0"), 1),
                ("coder-Q8_0", Some("Q8_0"), 1),
                ("tiny", None, 1),
            ],
        );
        check(&[], &[]);
    }

    #[test]
    fn projectors_are_apart_and_a_reference_leaves_what_it_names() {
        let found = groups(&["a-Q8_0.gguf", "b/a-Q4_K_M.gguf", "mmproj-F16.gguf"]);
        assert_eq!(found.projectors.iter().map(|file| &*file.path).collect::<Vec<_>>(), ["mmproj-F16.gguf"]);
        let left = |precision: Option<&str>, path: Option<&str>| {
            let reference = Reference {
                source: None,
                repo: "a/b".into(),
                precision: precision.map(str::to_owned),
                path: path.map(str::to_owned),
            };
            found.matching(&reference).iter().map(|group| group.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(left(None, None), ["Q4_K_M", "Q8_0"]);
        assert_eq!(left(Some("q4_k_m"), None), ["Q4_K_M"]);
        assert_eq!(left(None, Some("b")), ["Q4_K_M"]);
        assert_eq!(left(None, Some("a-Q8_0.gguf")), ["Q8_0"]);
        assert!(left(Some("Q2_K"), None).is_empty() && left(None, Some("mmproj-F16.gguf")).is_empty());
        // The precisions of one model are told apart from another model.
        assert_eq!(found.groups[0].model, found.groups[1].model);
    }
}
