//! What is fuzzed: everything that reads bytes of a stranger's model file, or of a picture in a chat. Each target takes
//! a whole file and says why it was refused; that reason is only a hint of novelty for the driver. A target must neither
//! panic nor hang nor reserve much more memory than its input has bytes. The tests of `server` read this file too.
use std::path::PathBuf;

use checkpoint::gguf::{Gguf, GgufWeights, Header, config_json};
use checkpoint::{GgufTokenizer, ModelConfig, TensorView, WeightSource, safetensors};

pub type Target = fn(&[u8]) -> Result<(), String>;

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("gguf", gguf),
    ("safetensors", safetensors),
    ("image", image),
    ("tokenizer", tokenizer),
    ("template", template),
];

/// Header, published configuration, published names, and every tensor handed out and decoded.
pub fn gguf(file: &[u8]) -> Result<(), String> {
    let header = Header::parse(file).map_err(|error| error.to_string())?;
    let view = |info: checkpoint::gguf::TensorInfo| {
        (info.name, TensorView::owned(info.dtype, info.shape, file[info.range].to_vec()))
    };
    let tensors = header.tensors.into_iter().map(view).collect();
    let gguf = Gguf { metadata: header.metadata, tensors, path: PathBuf::from("fuzzed") };
    let config = config_json(&gguf)
        .map_err(|refusal| refusal.to_string())
        .and_then(|json| ModelConfig::from_json(json).map_err(|error| error.to_string()));
    let weights = GgufWeights::new(gguf).map_err(|error| error.to_string())?;
    let mut bytes = 0;
    for name in weights.names() {
        let view = weights.tensor(&name).map_err(|error| error.to_string())?;
        assert_eq!(view.to_f32().len(), view.len());
        bytes += view.bytes().len() as u64;
    }
    assert_eq!(bytes, weights.total_bytes());
    config.map(drop)
}

/// Every tensor is inside the file and does not overlap another.
pub fn safetensors(file: &[u8]) -> Result<(), String> {
    let tensors = safetensors::parse_header(file).map_err(|error| error.to_string())?;
    for tensor in tensors {
        let bytes = &file[tensor.begin..tensor.end];
        if let Some(dtype) = tensor.dtype {
            let _ = TensorView::owned(dtype, tensor.shape, bytes.to_vec()).to_f32();
        }
    }
    Ok(())
}

/// Decoded, fitted in a frame of small tiles, cut and normalised; every number is one that a byte can become.
pub fn image(file: &[u8]) -> Result<(), String> {
    let picture = vision::decode(file).map_err(|error| error.to_string())?;
    assert_eq!(picture.rgb.len(), picture.width * picture.height * 3);
    let tiling = vision::Tiling {
        candidate_resolutions: vec![(28, 28), (28, 56), (56, 28), (84, 28), (28, 84), (56, 56)],
        image_size: 28,
        patch_size: 7,
        downsample_ratio: 2,
        image_mean: [0.5; 3],
        image_std: [0.5; 3],
    };
    let grid = tiling.grid(picture.width, picture.height, 1);
    let tiles = tiling.tiles(&picture, grid);
    assert_eq!(tiles.pixels.len(), (1 + grid.tiles()) * 3 * 28 * 28);
    assert!(tiles.pixels.iter().all(|value| (-1.0..=1.0).contains(value)));
    assert!(tiling.tokens(grid) > 0);
    Ok(())
}

/// A tokenizer out of metadata, then some text there and back; and the file's own chat template.
pub fn tokenizer(file: &[u8]) -> Result<(), String> {
    let header = Header::parse(file).map_err(|error| error.to_string())?;
    let read = GgufTokenizer::from_metadata(&header.metadata)?;
    let source = checkpoint::TokenizerSource::Gguf(Box::new(read));
    let _ = text::ChatTemplate::open(&source);
    let tokenizer = text::Tokenizer::open(&source).map_err(|error| error.to_string())?;
    let ids = tokenizer.encode("the ab\n 你好 <｜User｜> 123").map_err(|error| error.to_string())?;
    let _ = tokenizer.encode_infill("the", "ab");
    let _ = tokenizer.decode(&ids);
    Ok(())
}

/// A chat template, rendered for a conversation of every role with functions, a call and its answer.
pub fn template(file: &[u8]) -> Result<(), String> {
    let source = String::from_utf8_lossy(file);
    let template = text::ChatTemplate::new(&source, "<bos>".to_owned(), "<eos>".to_owned());
    let template = template.map_err(|error| error.to_string())?;
    let say = |role: &str, content: &str| text::Message {
        role: role.to_owned(),
        content: content.to_owned(),
        ..Default::default()
    };
    let call =
        text::ToolCall { id: "call_1".to_owned(), name: "f".to_owned(), arguments: "{\"x\":1}".to_owned() };
    let messages = [
        say("system", "Be brief."),
        say("user", "你好"),
        text::Message { reasoning: "hm".to_owned(), tool_calls: vec![call], ..say("assistant", "") },
        text::Message { tool_call_id: Some("call_1".to_owned()), ..say("tool", "2") },
        say("assistant", "<think>x</think>Hi"),
        say("user", "1+1?"),
    ];
    let tools = [serde_json::json!({"type": "function", "function": {"name": "f", "parameters": {}}})];
    let flags = serde_json::json!({"thinking": true});
    let conversation = text::Conversation {
        messages: &messages,
        tools: &tools,
        template_kwargs: Some(&flags),
        continue_final_message: false,
    };
    template.render(&conversation).map(drop).map_err(|error| error.to_string())
}
