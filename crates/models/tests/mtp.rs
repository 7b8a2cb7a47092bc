//! The MTP head against transformers' MtpLayer: its logits on a prompt, a further draft from its own hidden
//! state, and a cache that is filled in pieces of any size.
mod fixture;

use fixture::{Run, apart, argmax, equal, folder, load, open, options, reference, rows, tokens};
use models::{CacheDtype, ForwardError, Output, OutputRequest, Pass, Step};

const CASE: &str = "deepseek-v3/mtp";
const NEAR: f32 = 1e-4;

/// Drafts at all positions of the prompt, `chunk` at a time, after one pass of the model.
fn drafts(run: &mut Run, chunk: usize, output: OutputRequest) -> Vec<Output> {
    let reference = reference(CASE);
    let prompt = tokens(&reference["prompt"]);
    let read = run.read(&prompt, OutputRequest::LastAndHidden);
    assert_eq!(read.logits.len(), run.model.vocab_size());
    let width = read.hidden.len() / prompt.len();
    let shifted = [&prompt[1..], &tokens(&reference["greedy"])[..1]].concat();
    let mut past = 0;
    let mut draft = |(tokens, hidden): (&[u32], &[f32])| {
        let step = Step { tokens, pages: &run.pages, past, output, prefill: true };
        past += tokens.len();
        run.model.draft(&step, hidden, &mut run.kv, &mut Pass::new(&|| false)).expect("a draft")
    };
    shifted.chunks(chunk).zip(read.hidden.chunks(chunk * width)).map(&mut draft).collect()
}

#[test]
fn logits_of_a_prompt_equal_the_reference_in_any_pieces() {
    let (model, reference) = (load(CASE), reference(CASE));
    let vocab = model.vocab_size();
    let expected = rows(&reference["draft"]["logits"]).concat();
    for chunk in [96, 31, 1] {
        let outputs = drafts(&mut Run::new(&*model, CacheDtype::F32), chunk, OutputRequest::All);
        let logits: Vec<f32> = outputs.into_iter().flat_map(|output| output.logits.to_vec()).collect();
        let positions = tokens(&reference["positions"]);
        let own: Vec<f32> =
            positions.iter().flat_map(|&p| &logits[p as usize * vocab..][..vocab]).copied().collect();
        let apart = apart(&own, &expected);
        assert!(apart < NEAR, "in pieces of {chunk}: {apart}");
    }
}

#[test]
fn a_further_draft_goes_on_from_the_layers_own_hidden_state() {
    let (model, reference) = (load(CASE), reference(CASE));
    let mut run = Run::new(&*model, CacheDtype::F32);
    let last = drafts(&mut run, 96, OutputRequest::Last).remove(0);
    let token = argmax(&last.logits);
    assert_eq!(u64::from(token), reference["draft"]["token"].as_u64().expect("a token"));
    let step =
        Step { tokens: &[token], pages: &run.pages, past: 96, output: OutputRequest::Last, prefill: true };
    let second =
        run.model.draft(&step, &last.hidden, &mut run.kv, &mut Pass::new(&|| false)).expect("a draft");
    let expected: Vec<f32> = serde_json::from_value(reference["draft"]["second"].clone()).expect("logits");
    let apart = apart(&second.logits, &expected);
    assert!(apart < NEAR, "{apart}");
}

#[test]
fn drafting_leaves_the_models_own_cache_alone() {
    let (model, reference) = (load(CASE), reference(CASE));
    let next = tokens(&reference["greedy"])[..1].to_vec();
    let mut plain = Run::new(&*model, CacheDtype::F32);
    plain.read(&tokens(&reference["prompt"]), OutputRequest::None);
    let mut drafted = Run::new(&*model, CacheDtype::F32);
    drafts(&mut drafted, 96, OutputRequest::None);
    let (plain, drafted) = (plain.read(&next, OutputRequest::Last), drafted.read(&next, OutputRequest::Last));
    equal(&plain.logits, &drafted.logits, "after drafts");
}

#[test]
fn a_model_without_the_layer_says_so_and_hidden_states_must_fit() {
    let plain = load("deepseek-v3/yarn");
    assert!(!plain.has_mtp());
    let mut run = Run::new(&*plain, CacheDtype::F32);
    let step = Step { tokens: &[1], pages: &run.pages, past: 0, output: OutputRequest::Last, prefill: true };
    let refused = plain.draft(&step, &[0.0; 48], &mut run.kv, &mut Pass::new(&|| false));
    assert!(matches!(refused, Err(ForwardError::NoMtpHead)));

    let model = load(CASE);
    assert!(model.has_mtp());
    assert_eq!(model.cache_shape().layers, 3);
    let mut run = Run::new(&*model, CacheDtype::F32);
    let step =
        Step { tokens: &[1, 2], pages: &run.pages, past: 0, output: OutputRequest::Last, prefill: true };
    let refused = model.draft(&step, &[0.0; 48], &mut run.kv, &mut Pass::new(&|| false));
    assert!(matches!(refused, Err(ForwardError::Hidden { tokens: 2, values: 48 })));
}

/// Drafts of the Guide in one answer.
const DRAFTS: usize = 200;
/// Two counts of 200 draws differ by chance with a standard deviation of at most sqrt(2 * 200 / 4) = 10: this
/// is five of them.
const BEYOND_CHANCE: usize = 50;

/// A trained MTP layer. It must be right more often than the same layer without hidden states, which has only
/// the tokens, and than the most frequent token of the answer: with a wrong order, norm or position it would
/// not be.
#[test]
fn the_guide_models_drafts_are_mostly_what_it_says_next() {
    let model = open(&folder("../../assets/guide-model"), &options()).expect("it loads");
    let (mut run, mut control) = (Run::new(&*model, CacheDtype::F32), Run::new(&*model, CacheDtype::F32));
    let mut text: Vec<u32> = (10..40).collect();
    let mut output = run.read(&text, OutputRequest::LastAndHidden);
    let (mut filled, mut right, mut right_without_hidden) = (0, 0, 0);
    for _ in 0..DRAFTS {
        let next = argmax(&output.logits);
        text.push(next);
        let draft = |run: &mut Run, hidden: &[f32]| {
            let tokens = &text[filled + 1..];
            let step =
                Step { tokens, pages: &run.pages, past: filled, output: OutputRequest::Last, prefill: true };
            let drafted = model.draft(&step, hidden, &mut run.kv, &mut Pass::new(&|| false));
            argmax(&drafted.expect("a draft").logits)
        };
        let drafted = draft(&mut run, &output.hidden);
        let drafted_without_hidden = draft(&mut control, &vec![0.0; output.hidden.len()]);
        filled = text.len() - 1;
        output = run.read(&[next], OutputRequest::Last);
        let expected = argmax(&output.logits);
        right += usize::from(drafted == expected);
        right_without_hidden += usize::from(drafted_without_hidden == expected);
    }
    let answer = &text[text.len() - DRAFTS..];
    let count = |token: &u32| answer.iter().filter(|other| *other == token).count();
    let most_frequent = answer.iter().map(count).max().expect("an answer");
    for (chance, name) in
        [(right_without_hidden, "without hidden states"), (most_frequent, "most frequent token")]
    {
        assert!(right >= chance + BEYOND_CHANCE, "{right} of {DRAFTS}, {name}: {chance}");
    }
}
