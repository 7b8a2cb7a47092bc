//! A model folder that generates a given script token by token: one Llama layer, a tokenizer and any chat
//! template, so that tests get any text that a model could generate from the real worker.
//!
//! Attention and feed-forward weights are zero, so the next token depends on the last token alone. Every step
//! has a token of its own; any other token, such as the last of a prompt, is followed by the first step.
//! Other text is one token per byte.
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::script_tokens::{BOS, EOS, ScriptTokens, StepId};

/// A chat template in DeepSeek's usual form, for tests that need any.
pub const PLAIN_TEMPLATE: &str = "{{ bos_token }}{% for m in messages %}\
    {% if m['role'] == 'system' %}{{ m['content'] }}{% elif m['role'] == 'assistant' %}\
    {{ '<｜Assistant｜>' + (m['content'] or '') + eos_token }}{% else %}{{ '<｜User｜>' + m['content'] }}\
    {% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";

/// Hidden size. The dot product distinguishes random codes of this length for thousands of steps.
const HIDDEN: usize = 256;
const INNER: usize = 32;
/// Scale of the head: the logit of the next step is `HIDDEN` times this, so no temperature samples another
/// token.
const SHARPNESS: f32 = 4.0;

/// A model to write into a folder.
pub struct ScriptModel {
    template: String,
    /// The last token of the prompts of a script, `None` for all other prompts; and the steps.
    scripts: Vec<(Option<String>, Vec<String>)>,
    endless: bool,
    context: usize,
}

/// Writes a model that answers every prompt with `steps` and ends.
///
/// # Panics
/// When the folder cannot be written.
pub fn script_model(dir: &Path, template: &str, steps: &[&str]) {
    ScriptModel::new(template, steps).write(dir).expect("the folder takes a small model");
}

impl ScriptModel {
    /// A step is one token of any text; the name of an added token is that token, and `UNNAMED` an id without
    /// a vocabulary entry. A text that an earlier step or a byte has is merged with the next step, because
    /// equal texts cannot have two ids: the answer is the same, with other token boundaries.
    pub fn new(template: &str, steps: &[&str]) -> Self {
        let steps = steps.iter().map(|step| (*step).to_owned()).collect();
        Self { template: template.to_owned(), scripts: vec![(None, steps)], endless: false, context: 16_384 }
    }

    /// Another script for prompts that end with this added token. `<｜second｜>` and `<｜third｜>` exist for
    /// this: a template can end the prompt with one when there is more than one message.
    pub fn after(mut self, last: &str, steps: &[&str]) -> Self {
        self.scripts.push((Some(last.to_owned()), steps.iter().map(|step| (*step).to_owned()).collect()));
        self
    }

    /// Scripts start over at their end: only a limit or a stop ends an answer.
    pub fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    /// `max_position_embeddings`; 16,384 otherwise.
    pub fn context(mut self, tokens: usize) -> Self {
        self.context = tokens;
        self
    }

    /// Writes `config.json`, `tokenizer.json`, `tokenizer_config.json` and `model.safetensors`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    ///
    /// # Panics
    /// When a script has no step, or follows a token that is not an added one.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let added =
            |name: &str| ScriptTokens::added(name).unwrap_or_else(|| panic!("{name} is no added token"));
        let mut tokens = ScriptTokens::new();
        let scripts: Vec<Vec<StepId>> = self.scripts.iter().map(|(_, steps)| tokens.script(steps)).collect();
        let (named, vocab) = tokens.sizes();
        let row = |step: StepId| match step {
            StepId::Named(id) => id as usize,
            StepId::Unnamed(at) => named + at as usize,
        };

        let mut codes = Codes(7);
        let start = codes.next();
        let mut embed = vec![start.clone(); vocab];
        let mut head = vec![vec![0.0; HIDDEN]; vocab];
        for ((after, _), steps) in self.scripts.iter().zip(scripts) {
            let steps: Vec<usize> = steps.into_iter().map(row).collect();
            let mut state = start.clone();
            if let Some(last) = after {
                state = codes.next();
                embed[added(last) as usize].clone_from(&state);
            }
            let end = if self.endless { steps[0] } else { added(EOS) as usize };
            for &step in &steps {
                add_transition(&state, &mut head[step]);
                state = codes.next();
                embed[step].clone_from(&state);
            }
            add_transition(&state, &mut head[end]);
        }

        std::fs::create_dir_all(dir)?;
        let write = |name: &str, value: Value| std::fs::write(dir.join(name), value.to_string());
        write("config.json", config(vocab, self.context, [added(BOS), added(EOS)]))?;
        write("tokenizer.json", tokens.json())?;
        write(
            "tokenizer_config.json",
            json!({"add_bos_token": false, "bos_token": BOS, "eos_token": EOS, "chat_template": self.template,
                   "model_max_length": self.context, "tokenizer_class": "PreTrainedTokenizerFast"}),
        )?;
        std::fs::write(dir.join("model.safetensors"), weights(&embed, &head))
    }
}

fn add_transition(state: &[f32], row: &mut [f32]) {
    row.iter_mut().zip(state).for_each(|(sum, code)| *sum += SHARPNESS * code);
}

/// Rows of random signs. Their root mean square is 1, so that RMS norms change nothing.
struct Codes(u64);

impl Codes {
    fn next(&mut self) -> Vec<f32> {
        (0..HIDDEN).map(|_| if self.bit() { 1.0 } else { -1.0 }).collect()
    }

    /// SplitMix64.
    fn bit(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) & 1 == 1
    }
}

fn config(vocab: usize, context: usize, [bos, eos]: [u32; 2]) -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
        "vocab_size": vocab, "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": 1,
        "num_attention_heads": 4, "num_key_value_heads": 1, "max_position_embeddings": context,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu", "attention_bias": false,
        "mlp_bias": false, "tie_word_embeddings": false, "bos_token_id": bos, "eos_token_id": eos,
    })
}

/// A safetensors file in bfloat16, which represents every value used here exactly.
fn weights(embed: &[Vec<f32>], head: &[Vec<f32>]) -> Vec<u8> {
    let (vocab, head_dim) = (embed.len(), HIDDEN / 4);
    let table = |rows: &[Vec<f32>]| rows.concat();
    let zeros = |rows: usize, columns: usize| vec![0.0; rows * columns];
    let layer = |name: &str| format!("model.layers.0.{name}.weight");
    let ones = || vec![1.0; HIDDEN];
    let tensors: [(String, Vec<usize>, Vec<f32>); 12] = [
        ("model.embed_tokens.weight".into(), vec![vocab, HIDDEN], table(embed)),
        ("lm_head.weight".into(), vec![vocab, HIDDEN], table(head)),
        ("model.norm.weight".into(), vec![HIDDEN], ones()),
        (layer("input_layernorm"), vec![HIDDEN], ones()),
        (layer("post_attention_layernorm"), vec![HIDDEN], ones()),
        (layer("self_attn.q_proj"), vec![HIDDEN, HIDDEN], zeros(HIDDEN, HIDDEN)),
        (layer("self_attn.k_proj"), vec![head_dim, HIDDEN], zeros(head_dim, HIDDEN)),
        (layer("self_attn.v_proj"), vec![head_dim, HIDDEN], zeros(head_dim, HIDDEN)),
        (layer("self_attn.o_proj"), vec![HIDDEN, HIDDEN], zeros(HIDDEN, HIDDEN)),
        (layer("mlp.gate_proj"), vec![INNER, HIDDEN], zeros(INNER, HIDDEN)),
        (layer("mlp.up_proj"), vec![INNER, HIDDEN], zeros(INNER, HIDDEN)),
        (layer("mlp.down_proj"), vec![HIDDEN, INNER], zeros(HIDDEN, INNER)),
    ];
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for (name, shape, values) in tensors {
        let begin = data.len();
        data.extend(values.iter().flat_map(|value| ((value.to_bits() >> 16) as u16).to_le_bytes()));
        let entry = json!({"dtype": "BF16", "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert(name, entry);
    }
    let mut header = Value::Object(header).to_string();
    // The data must start at a multiple of 8.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}
