//! The fuzz targets: everything that parses untrusted bytes, of model files or of images in a chat. Each
//! target takes a complete file and returns the error, which tells the driver whether an input is new. A
//! target must not panic, hang, or allocate much more memory than its input has bytes. The tests of `server`
//! include this file too.
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

/// Parses the header, converts configuration and tensor names, and decodes every tensor.
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

/// Decodes, pads, tiles and normalises; every value must be in the range of a normalised byte.
pub fn image(file: &[u8]) -> Result<(), String> {
    let image = vision::decode(file).map_err(|error| error.to_string())?;
    assert_eq!(image.rgb.len(), image.width * image.height * 3);
    let tiling = vision::Tiling {
        candidate_resolutions: vec![(28, 28), (28, 56), (56, 28), (84, 28), (28, 84), (56, 56)],
        image_size: 28,
        patch_size: 7,
        downsample_ratio: 2,
        image_mean: [0.5; 3],
        image_std: [0.5; 3],
    };
    let grid = tiling.grid(image.width, image.height, 1);
    let tiles = tiling.tiles(&image, grid);
    assert_eq!(tiles.pixels.len(), (1 + grid.tiles()) * 3 * 28 * 28);
    assert!(tiles.pixels.iter().all(|value| (-1.0..=1.0).contains(value)));
    assert!(tiling.tokens(grid) > 0);
    Ok(())
}

/// Builds a tokenizer from metadata, encodes and decodes some text, and opens the file's chat template.
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

/// Renders a chat template for a conversation with every role, tools, a tool call and its output.
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
