//! Locates models by file content: the folder layouts of hubs and caches, misleading names, files of other
//! kinds, and valid files of unsupported models.
use std::path::{Path, PathBuf};

use checkpoint::{FileKind, WeightError};
use testkit::TestGguf;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/gguf").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).expect("the fixture is there")
}

fn gguf() -> TestGguf {
    TestGguf::read(&bytes("qwen2/f32.gguf"))
}

fn write(root: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("is made");
    std::fs::write(&path, bytes).expect("is written");
    path
}

fn refusal(path: &Path) -> WeightError {
    match checkpoint::open(path) {
        Err(checkpoint::OpenError::Weight(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{} opens", path.display()),
    }
}

/// Checks that the model has the same tensors as the single file.
fn opens(path: &Path) {
    let whole = checkpoint::open(&fixture("qwen2/f32.gguf")).expect("the fixture opens");
    let model = checkpoint::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(model.weights.names(), whole.weights.names(), "{}", path.display());
}

#[test]
fn shards_are_found_below_the_folder_that_is_named() {
    let layouts = [
        ("", ""),
        // The layout of unsloth's R1 and V3 on both hubs.
        ("", "DeepSeek-R1-Q4_K_M/"),
        ("", "gguf/DeepSeek-R1-Q4_K_M/"),
        // The Hugging Face cache, opened at the model folder and at its snapshots.
        ("", "snapshots/0123abcd/DeepSeek-R1-Q4_K_M/"),
        ("snapshots", "snapshots/0123abcd/DeepSeek-R1-Q4_K_M/"),
    ];
    for (named, below) in layouts {
        let root = tempfile::tempdir().expect("a folder");
        for (at, shard) in gguf().split(3).iter().enumerate() {
            write(root.path(), &format!("{below}R1-Q4_K_M-{:05}-of-00003.gguf", at + 1), shard);
        }
        write(root.path(), "README.md", b"# R1");
        opens(&root.path().join(named));
        let found = checkpoint::find(&root.path().join(named)).expect("is found");
        assert!(found.ends_with("R1-Q4_K_M-00001-of-00003.gguf"), "{}", found.display());
        opens(&root.path().join(below).join("R1-Q4_K_M-00002-of-00003.gguf"));
    }
}

#[test]
fn a_cache_is_read_at_its_newest_snapshot() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "refs/main", b"new");
    write(root.path(), "blobs/0a1b2c", &bytes("qwen2/f32.gguf"));
    write(root.path(), "snapshots/old/model.gguf", &bytes("qwen3/f32.gguf"));
    let newest = write(root.path(), "snapshots/new/model.gguf", &bytes("qwen2/f32.gguf"));
    // `blobs` is next to `snapshots` and contains the same files named by hash.
    std::fs::remove_dir_all(root.path().join("blobs")).expect("is removed");
    assert_eq!(checkpoint::find(root.path()).expect("is found"), newest);
}

/// Only Unix dates a folder by its handle.
#[cfg(unix)]
#[test]
fn a_cache_without_a_main_commit_is_read_at_its_last_snapshot() {
    let root = tempfile::tempdir().expect("a folder");
    let model = |name: &str| write(root.path(), name, &bytes("qwen2/f32.gguf"));
    model("blobs/0a1b2c");
    let old = model("snapshots/old/model.gguf");
    let day = std::time::Duration::from_secs(86_400);
    let earlier = std::fs::File::open(old.parent().expect("a folder")).expect("opens");
    earlier.set_modified(std::time::SystemTime::now() - day).expect("is dated");
    let newest = model("snapshots/new/model.gguf");
    assert_eq!(checkpoint::find(root.path()).expect("is found"), newest);
    // Neither a path out of the cache nor a commit that is gone is followed.
    for commit in ["../../elsewhere", "gone", "/", ""] {
        write(root.path(), "refs/main", commit.as_bytes());
        assert_eq!(checkpoint::find(root.path()).expect("is found"), newest, "{commit}");
    }
}

#[test]
fn all_models_below_a_folder_are_found_once() {
    let root = tempfile::tempdir().expect("a folder");
    let model = bytes("qwen2/f32.gguf");
    let mut expected = vec![
        write(root.path(), "maker/repo/a-Q4_K_M.gguf", &model),
        write(root.path(), "maker/repo/a-Q8_0.gguf", &model),
        write(root.path(), "top.gguf", &model),
    ];
    for (at, shard) in gguf().split(2).iter().enumerate() {
        let path = write(root.path(), &format!("maker/sharded/b-{:05}-of-00002.gguf", at + 1), shard);
        expected.extend((at == 0).then_some(path));
    }
    let projector = gguf().with_text("general.architecture", "clip").write();
    write(root.path(), "maker/repo/mmproj-a.gguf", &projector);
    write(root.path(), "maker/repo/page.gguf", b"<html>");
    write(root.path(), "maker/repo/notes.txt", &model);
    write(root.path(), ".hidden/c.gguf", &model);
    write(root.path(), "one/two/three/four/five/too-deep.gguf", &model);
    // Safetensors are a model with config.json only, and what is below it is no other model.
    let header = b"\x02\0\0\0\0\0\0\0{}";
    let plain = write(root.path(), "plain/config.json", b"{}");
    expected.push(plain.parent().expect("a folder").to_owned());
    for name in ["plain/model.safetensors", "plain/onnx/model.safetensors", "plain/onnx/config.json"] {
        write(root.path(), name, header);
    }
    write(root.path(), "adapter/adapter_model.safetensors", header);
    write(root.path(), "pipeline/model_index.json", b"{}");
    write(root.path(), "pipeline/unet/config.json", b"{}");
    write(root.path(), "pipeline/unet/diffusion.safetensors", header);
    expected.sort();
    assert_eq!(checkpoint::find_all(root.path()), expected);
    assert_eq!(checkpoint::find_all(&root.path().join("nowhere")), Vec::<PathBuf>::new());

    #[cfg(unix)]
    {
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, root.path().join(name)).expect("is linked");
        };
        for at in 0..40 {
            link(root.path(), &format!("maker/again{at}"));
        }
        link(&root.path().join("top.gguf"), "top.twice.gguf");
        link(Path::new("/nowhere"), "dangling.gguf");
        assert_eq!(checkpoint::find_all(root.path()), expected);
    }
}

#[test]
fn of_several_models_one_has_to_be_chosen() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "Q4_K_M/a.gguf", &bytes("qwen2/f32.gguf"));
    write(root.path(), "Q8_0/a.gguf", &bytes("qwen2/f32.gguf"));
    let WeightError::MultipleModels { names, .. } = refusal(root.path()) else { panic!("one was chosen") };
    assert_eq!(
        names,
        ["Q4_K_M/a.gguf", "Q8_0/a.gguf"].map(|name| name.replace('/', std::path::MAIN_SEPARATOR_STR))
    );
    opens(&root.path().join("Q8_0"));
    // A model at the top level takes precedence.
    write(root.path(), "top.gguf", &bytes("qwen2/f32.gguf"));
    opens(root.path());
}

#[test]
fn a_missing_part_is_named() {
    let root = tempfile::tempdir().expect("a folder");
    let shards = gguf().split(3);
    write(root.path(), "sub/m-00001-of-00003.gguf", &shards[0]);
    write(root.path(), "sub/m-00003-of-00003.gguf", &shards[2]);
    let WeightError::MissingShard { path, number: 2, count: 3 } = refusal(root.path()) else {
        panic!("{}", refusal(root.path()))
    };
    assert!(path.ends_with("m-00002-of-00003.gguf"), "{}", path.display());
    assert_eq!(refusal(root.path()).failure().code, "model_part_missing");
}

#[test]
fn parts_that_were_renamed_are_known_by_what_they_say() {
    let root = tempfile::tempdir().expect("a folder");
    let shards = gguf().split(3);
    let first = write(root.path(), "model.gguf", &shards[0]);
    write(root.path(), "model (1).gguf", &shards[1]);
    write(root.path(), "part-c", &shards[2]);
    opens(root.path());
    opens(&first);
    std::fs::remove_file(root.path().join("part-c")).expect("is removed");
    assert!(matches!(refusal(root.path()), WeightError::MissingShard { number: 3, count: 3, .. }));
}

#[test]
fn names_do_not_matter() {
    for name in ["A.GGUF", "model.bin", "sha256-0a1b2c3d", "model.safetensors"] {
        let root = tempfile::tempdir().expect("a folder");
        opens(&write(root.path(), name, &bytes("qwen2/f32.gguf")));
        opens(root.path());
    }
    let root = tempfile::tempdir().expect("a folder");
    for (at, shard) in gguf().split(2).iter().enumerate() {
        write(root.path(), &format!("M-{:05}-of-00002.GGUF", at + 1), shard);
    }
    opens(root.path());

    let (config, weights) = (bytes("qwen2/config.json"), bytes("qwen2/model.safetensors"));
    for name in ["weights.safetensors", "pytorch_model.bin", "consolidated", "qwen2.gguf"] {
        let root = tempfile::tempdir().expect("a folder");
        write(root.path(), "config.json", &config);
        let file = write(root.path(), name, &weights);
        for path in [root.path().to_owned(), file, root.path().join("config.json")] {
            checkpoint::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

#[test]
fn the_vision_part_is_known_by_its_architecture() {
    let projector = gguf().with_text("general.architecture", "clip").write();
    let root = tempfile::tempdir().expect("a folder");
    let alone = write(root.path(), "vision-F16.gguf", &projector);
    assert!(matches!(refusal(root.path()), WeightError::Projector(_)));
    assert_eq!(refusal(&alone).failure().code, "projector_alone");
    // A file name with `mmproj` does not make a model a projector.
    write(root.path(), "mmproj-but-a-model.gguf", &bytes("qwen2/f32.gguf"));
    opens(root.path());
}

#[test]
fn what_is_no_model_is_reported_by_its_kind() {
    let check = |name: &str, content: &[u8], kind: FileKind, code: &str| {
        let root = tempfile::tempdir().expect("a folder");
        write(root.path(), "config.json", &bytes("qwen2/config.json"));
        let file = write(root.path(), name, content);
        for path in [&file, root.path()] {
            let error = refusal(path);
            assert!(
                matches!(&error, WeightError::WrongKind { kind: actual, .. } if *actual == kind),
                "{name}: {error}"
            );
            assert_eq!(error.failure().code, code);
        }
    };
    let page = b"<!doctype html><title>Sign in</title>";
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n";
    check("model.gguf", page, FileKind::WebPage, "model_file_is_page");
    check("model.safetensors", page, FileKind::WebPage, "model_file_is_page");
    check("model.safetensors", pointer, FileKind::LfsPointer, "model_file_is_pointer");
    check("model-00001-of-00002.gguf", pointer, FileKind::LfsPointer, "model_file_is_pointer");
    check("model.gguf", b"PK\x03\x04archive/data.pkl", FileKind::Pickle, "model_file_is_pickle");
    check("pytorch_model.bin", b"\x80\x02}q\x00X", FileKind::Pickle, "model_file_is_pickle");
    check("ggml-model-q4_0.bin", b"tjgg\x01\0\0\0", FileKind::Ggml, "model_file_too_old");
    check("model.gguf", b"", FileKind::Empty, "model_file_invalid");

    // A shard of an index.
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "config.json", &bytes("qwen2/config.json"));
    write(root.path(), "model.safetensors.index.json", br#"{"weight_map":{"a":"1.safetensors"}}"#);
    write(root.path(), "1.safetensors", pointer);
    assert_eq!(refusal(root.path()).failure().code, "model_file_is_pointer");
}

#[test]
fn a_sound_file_of_another_model_is_not_damaged() {
    let root = tempfile::tempdir().expect("a folder");
    let mut other = gguf().with_text("general.architecture", "deepseek4");
    // I32, the type of the token-to-expert table of DeepSeek-V4.
    other.tensors[0].kind = 26;
    let file = write(root.path(), "v4.gguf", &other.write());
    let failure = refusal(&file).failure();
    assert_eq!(failure.code, "model_not_run");
    let detail =
        |name: &str| failure.detail.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value);
    assert_eq!((detail("name"), detail("engine")), (Some("DeepSeek-V4"), Some("llama-server")));

    // A supported model with unsupported tensor types, reported by their llama.cpp name.
    for (kind, name) in [(34, "TQ1_0"), (40, "NVFP4"), (26, "I32"), (99, "type 99")] {
        let mut format = gguf();
        format.tensors[0].kind = kind;
        let file = write(root.path(), "other.gguf", &format.write());
        let failure = refusal(&file).failure();
        assert_eq!(failure.code, "model_format_unsupported");
        assert!(failure.detail.contains(&("format", name.to_owned())), "{failure:?}");
    }
    let odd = gguf().with_text("qwen2.rope.scaling.type", "longrope");
    assert_eq!(refusal(&write(root.path(), "odd.gguf", &odd.write())).failure().code, "model_unsupported");
    let adapter = gguf().with_text("general.type", "adapter");
    assert_eq!(
        refusal(&write(root.path(), "lora.gguf", &adapter.write())).failure().code,
        "model_unsupported"
    );

    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "config.json", br#"{"architectures": ["DeepseekV32ForCausalLM"]}"#);
    // The weights are not validated.
    write(folder.path(), "model.safetensors", b"\x02\0\0\0\0\0\0\0{}");
    let Err(error) = checkpoint::open(folder.path()) else { panic!("it opens") };
    let failure = error.failure();
    assert_eq!(failure.code, "model_not_run");
    assert!(failure.detail.contains(&("name", "DeepSeek-V3.2".to_owned())), "{failure:?}");
    write(folder.path(), "config.json", &bytes("qwen2/config.json"));
    let tensor = br#"{"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}"#;
    let header = [&(tensor.len() as u64).to_le_bytes()[..], tensor, &[0; 4]].concat();
    write(folder.path(), "model.safetensors", &header);
    assert_eq!(refusal(folder.path()).failure().code, "model_format_unsupported");
}
