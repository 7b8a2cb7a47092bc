//! Files that an import refuses: each by its own code, and with the part that is wrong, in both languages.
//! Folders with damaged tokenizers and templates are in `files`.
use std::path::{Path, PathBuf};

use testkit::TestGguf;

use crate::files::{coder, refused, write};
use crate::programs::guide_copy;

const U32: u32 = 4;
/// Numbers of ggml types that are not read.
const I32: u32 = 26;
const TQ1_0: u32 = 34;

/// What is wrong, and how it is told.
struct Bad {
    path: PathBuf,
    code: &'static str,
    /// English and Chinese words of the message.
    words: [&'static str; 2],
    /// The part that is named in both languages.
    part: &'static str,
}

fn gguf(data: &Path, name: &str, change: impl FnOnce(TestGguf) -> TestGguf) -> PathBuf {
    write(data, name, &change(coder()))
}

fn bytes(data: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = data.join(name);
    std::fs::write(&path, bytes).expect("is written");
    path
}

/// A copy of the Guide whose tokenizer another program saved again.
fn saved_again(data: &Path) -> PathBuf {
    let folder = guide_copy(data);
    let path = folder.join("tokenizer.json");
    let mut tokenizer: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("is there")).expect("is JSON");
    tokenizer["pre_tokenizer"] = serde_json::json!({
        "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": false
    });
    std::fs::write(path, tokenizer.to_string()).expect("is written");
    folder
}

fn bad_files(data: &Path) -> Vec<Bad> {
    let bad = |path, code, words, part| Bad { path, code, words, part };
    let kind = |mut file: TestGguf, kind| {
        file.tensors[0].kind = kind;
        file
    };
    let whole = coder().write();
    let shards = coder().split(2);
    vec![
        bad(
            gguf(data, "v4.gguf", |file| kind(file.with_text("general.architecture", "deepseek4"), I32)),
            "model_not_run",
            ["Whaledeck does not run this model yet", "Whaledeck 还不能运行这个模型"],
            "DeepSeek-V4",
        ),
        bad(
            gguf(data, "kimi.gguf", |file| file.with_text("tokenizer.ggml.pre", "kimi-k2")),
            "model_not_run",
            ["Run it with llama-server", "请用 llama-server 运行它"],
            "Kimi K2",
        ),
        bad(
            gguf(data, "ternary.gguf", |file| kind(file, TQ1_0)),
            "model_format_unsupported",
            ["This version does not read this precision", "当前版本不支持这种精度"],
            "TQ1_0",
        ),
        bad(
            bytes(data, "cut.gguf", &whole[..whole.len() - 100]),
            "model_file_truncated",
            ["A model file is cut short", "模型文件不完整"],
            "cut.gguf",
        ),
        bad(
            gguf(data, "less.gguf", |mut file| {
                file.tensors.retain(|tensor| tensor.name != "blk.0.ffn_norm.weight");
                file
            }),
            "model_file_invalid",
            ["A model file is damaged", "模型文件已损坏"],
            "model.layers.0.post_attention_layernorm.weight",
        ),
        bad(
            gguf(data, "heads.gguf", |file| {
                file.with("deepseek2.attention.head_count", U32, 0u32.to_le_bytes().to_vec())
            }),
            "model_file_invalid",
            ["A model file is damaged", "模型文件已损坏"],
            "num_attention_heads",
        ),
        bad(
            gguf(data, "pre.gguf", |file| file.with_text("tokenizer.ggml.pre", "bloom")),
            "model_unsupported",
            ["This version cannot run this model", "当前版本无法运行这个模型"],
            "tokenizer.ggml.pre",
        ),
        bad(
            gguf(data, "base.gguf", |file| file.without("tokenizer.chat_template")),
            "chat_template_missing",
            ["This model has no chat template", "这个模型没有对话模板"],
            "base.gguf",
        ),
        bad(
            gguf(data, "template.gguf", |file| file.with_text("tokenizer.chat_template", "{% if %}")),
            "chat_template_invalid",
            ["The chat template of this model cannot be used", "这个模型的对话模板无法使用"],
            "template.gguf",
        ),
        bad(
            gguf(data, "a model's mmproj.gguf", |file| file.with_text("general.architecture", "clip")),
            "projector_alone",
            ["This file is only the vision part of a model", "这个文件只是模型的视觉部分"],
            "mmproj",
        ),
        bad(
            bytes(data, "part-00001-of-00002.gguf", &shards[0]),
            "model_part_missing",
            ["A part of the model is missing", "模型缺少一个分片"],
            "part-00002-of-00002.gguf",
        ),
        bad(
            bytes(data, "page.gguf", b"<!doctype html><title>Sign in</title>"),
            "model_file_is_page",
            ["This file is a web page, not a model", "这个文件是网页，不是模型"],
            "page.gguf",
        ),
        bad(
            bytes(data, "pointer.gguf", b"version https://git-lfs.github.com/spec/v1\noid sha256:00"),
            "model_file_is_pointer",
            ["This file only points to the model", "这个文件只是指向模型的指针"],
            "git lfs pull",
        ),
        bad(
            saved_again(data),
            "tokenizer_saved_again",
            ["was changed when it was saved again", "在重新保存时被改动了"],
            "tokenizer.json",
        ),
    ]
}

#[test]
fn bad_files_are_refused_by_their_own_code_and_with_the_part_that_is_wrong() {
    let data = tempfile::tempdir().expect("a folder");
    for Bad { path, code, words, part } in bad_files(data.path()) {
        refused(data.path(), &path, code, words);
        refused(data.path(), &path, code, [part, part]);
    }
}
