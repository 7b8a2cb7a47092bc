//! Decode steps on a card take no memory once the first of them have run: blocks of the pool are used again,
//! and the graph of a step is launched again. Without a card there is nothing to count.
mod fixture;

use fixture::{Run, load, reference, tokens};
use models::{CacheDtype, OutputRequest, Pass, Place};

/// Steps until every size was taken and the graph was captured.
const FIRST: usize = 8;
const COUNTED: usize = 40;

#[test]
fn a_decode_step_allocates_nothing() {
    for case in ["deepseek-v2/lite", "deepseek-v3/fp8", "qwen2/distill"] {
        let model = load(case);
        let Place::Card(memory) = model.place() else { return };
        let prompt = tokens(&reference(case)["prompt"]);
        let mut run = Run::new(&*model, CacheDtype::Bf16);
        run.read(&prompt[..20], OutputRequest::None);
        let mut decode = |steps: usize| {
            for step in 0..steps {
                let mut pass = Pass { temperatures: &[0.7], ..Pass::new(&|| false) };
                run.read_with(&prompt[20 + step % 8..][..1], OutputRequest::Last, &mut pass);
            }
            (memory.pool().allocated(), memory.card().held())
        };
        let before = decode(FIRST);
        assert_eq!(decode(COUNTED), before, "{case}: blocks and bytes");
    }
}
