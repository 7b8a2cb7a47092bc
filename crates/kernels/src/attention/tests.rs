use std::sync::Arc;

use formats::Dtype;
use proptest::prelude::*;

use super::*;
use crate::Place;
use crate::cache::{CacheDtype, CacheShape, PAGE_TOKENS};
use crate::slices::{tensor, with_slice};
use crate::testing::{NEVER, close, uniform};

const DTYPES: [CacheDtype; 3] = [CacheDtype::F32, CacheDtype::Bf16, CacheDtype::Fp8];
const SIZES: MlaSizes = MlaSizes { heads: 3, latent: 40, nope: 12, rope: 6, value: 10, scale: 0.3 };
const GQA: GqaSizes = GqaSizes { heads: 6, kv_heads: 2, head_dim: 20, scale: 0.4 };

/// The second layer of a cache.
fn on<'a>(kv: &'a KvPages, pages: &'a [u32], past: usize) -> Context<'a> {
    Context { kv, pages, layer: 1, past, prefill: false, cancellation: &NEVER }
}

/// Pages of a sequence in a random order, among other pages.
fn pages(tokens: usize, seed: u64) -> (Vec<u32>, usize) {
    let needed = tokens.div_ceil(PAGE_TOKENS);
    let mut all: Vec<u32> = (0..needed as u32 + 2).collect();
    let keys = uniform(all.len(), seed);
    all.sort_by(|a, b| keys[*a as usize].total_cmp(&keys[*b as usize]));
    let count = all.len();
    all.truncate(needed);
    (all, count)
}

fn up(sizes: &MlaSizes, seed: u64) -> Weight {
    let (rows, cols) = (sizes.heads * (sizes.nope + sizes.value), sizes.latent);
    let mut bytes = Vec::new();
    formats::encode(Dtype::F32, &uniform(rows * cols, seed), &mut bytes);
    Weight::new(rows, cols, Dtype::F32, Arc::new(bytes), None, &Place::Host).expect("the sizes match")
}

/// A cache of two layers, the second one filled with `tokens` tokens.
fn latents(sizes: &MlaSizes, dtype: CacheDtype, tokens: usize, seed: u64) -> (KvPages, Vec<u32>) {
    let (pages, count) = pages(tokens, seed);
    let kind = CacheKind::Latent { latent: sizes.latent, rope: sizes.rope };
    let mut kv =
        KvPages::new(CacheShape { kind, layers: 2 }, count, dtype, &Place::Host).expect("a small cache");
    let width = sizes.latent + sizes.rope;
    let rows = uniform(tokens * width, seed).into_iter().map(|x| x * 4.0).collect();
    kv.write_latent(&pages, 1, 0, &tensor(rows, (tokens, width)).unwrap()).expect("it fits");
    (kv, pages)
}

fn heads(sizes: &GqaSizes, dtype: CacheDtype, tokens: usize, seed: u64) -> (KvPages, Vec<u32>) {
    let (pages, count) = pages(tokens, seed);
    let kind = CacheKind::Gqa { kv_heads: sizes.kv_heads, head_dim: sizes.head_dim };
    let mut kv =
        KvPages::new(CacheShape { kind, layers: 2 }, count, dtype, &Place::Host).expect("a small cache");
    let shape = (tokens, sizes.kv_heads, sizes.head_dim);
    let rows = |seed| tensor(uniform(tokens * sizes.kv_heads * sizes.head_dim, seed), shape).unwrap();
    kv.write_gqa(&pages, 1, 0, &(rows(seed) * 5.0).unwrap(), &rows(seed + 1)).expect("it fits");
    (kv, pages)
}

fn values(y: &Tensor) -> Vec<f32> {
    y.flatten_all().unwrap().to_vec1().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn every_form_of_latent_attention_equals_the_definition(
        tokens in 1usize..40, past in 0usize..200, heads in 1usize..5, latent in 1usize..150,
        nope in 1usize..20, half in 1usize..5, value in 1usize..20, seed in 0u64..10_000,
    ) {
        let sizes = MlaSizes { heads, latent, nope, rope: 2 * half, value, scale: 0.3 };
        let kv_b = up(&sizes, seed);
        let q = uniform(tokens * heads * (nope + 2 * half), seed + 1);
        let query = tensor(q.clone(), (tokens, heads, nope + 2 * half)).unwrap();
        for dtype in DTYPES {
            let (kv, pages) = latents(&sizes, dtype, past + tokens, seed);
            let expected = reference::mla(&sizes, &kv_b, &q, &kv.decoded(&pages, 1, past + tokens));
            let context = on(&kv, &pages, past);
            close(&super::mla::absorbed(&sizes, &kv_b, &q, &context), &expected, 5e-5);
            close(&super::mla::expanded(&sizes, &kv_b, &q, &context), &expected, 5e-5);
            let y = super::mla(&sizes, &kv_b, &query, &context);
            close(&values(&y.unwrap()), &expected, 5e-5);
        }
    }

    #[test]
    fn grouped_attention_equals_the_definition(
        tokens in 1usize..40, past in 0usize..200, kv_heads in 1usize..4, group in 1usize..5,
        head_dim in 1usize..40, seed in 0u64..10_000,
    ) {
        let sizes = GqaSizes { heads: kv_heads * group, kv_heads, head_dim, scale: 0.4 };
        let q = uniform(tokens * sizes.heads * head_dim, seed + 2);
        let query = tensor(q.clone(), (tokens, sizes.heads, head_dim)).unwrap();
        for dtype in DTYPES {
            let (kv, pages) = heads(&sizes, dtype, past + tokens, seed);
            let expected = reference::gqa(&sizes, &q, &kv.decoded(&pages, 1, past + tokens));
            let y = gqa(&sizes, &query, &on(&kv, &pages, past)).unwrap();
            close(&values(&y), &expected, 5e-5);
        }
    }
}

/// Several ranges, to test the merge; large scores, for which an exponential without the maximum overflows.
#[test]
fn a_long_past_and_large_scores_equal_the_definition() {
    let (past, tokens) = (1500, 3);
    let sizes = MlaSizes { scale: 40.0, ..SIZES };
    let (kv_b, q) = (up(&sizes, 3), uniform(tokens * 3 * 18, 4));
    let (kv, pages) = latents(&sizes, CacheDtype::Fp8, past + tokens, 5);
    let expected = reference::mla(&sizes, &kv_b, &q, &kv.decoded(&pages, 1, past + tokens));
    let context = on(&kv, &pages, past);
    close(&super::mla::absorbed(&sizes, &kv_b, &q, &context), &expected, 5e-4);
    close(&super::mla::expanded(&sizes, &kv_b, &q, &context), &expected, 5e-4);
    let sizes = GqaSizes { scale: 40.0, ..GQA };
    let (kv, pages) = heads(&sizes, CacheDtype::Fp8, past + tokens, 6);
    let q = uniform(tokens * 6 * 20, 7);
    let expected = reference::gqa(&sizes, &q, &kv.decoded(&pages, 1, past + tokens));
    let y = gqa(&sizes, &tensor(q, (tokens, 6, 20)).unwrap(), &on(&kv, &pages, past)).unwrap();
    close(&values(&y), &expected, 5e-4);
}

#[test]
fn results_are_batch_invariant() {
    let (past, tokens) = (700, 9);
    let kv_b = up(&SIZES, 1);
    let (kv, pages) = latents(&SIZES, CacheDtype::Bf16, past + tokens, 2);
    let q = tensor(uniform(tokens * 3 * 18, 3), (tokens, 3, 18)).unwrap();
    let batched = values(&mla(&SIZES, &kv_b, &q, &on(&kv, &pages, past)).unwrap());
    let (grouped, order) = heads(&GQA, CacheDtype::Bf16, past + tokens, 4);
    let g = tensor(uniform(tokens * 6 * 20, 5), (tokens, 6, 20)).unwrap();
    let batched_gqa = values(&gqa(&GQA, &g, &on(&grouped, &order, past)).unwrap());
    for t in 0..tokens {
        let alone = mla(&SIZES, &kv_b, &q.narrow(0, t, 1).unwrap(), &on(&kv, &pages, past + t)).unwrap();
        assert_eq!(values(&alone), batched[t * 30..][..30], "{t}");
        let alone = gqa(&GQA, &g.narrow(0, t, 1).unwrap(), &on(&grouped, &order, past + t)).unwrap();
        assert_eq!(values(&alone), batched_gqa[t * 120..][..120], "{t}");
    }
}

#[test]
fn later_positions_are_not_attended_to() {
    let kv_b = up(&SIZES, 1);
    let (mut kv, pages) = latents(&SIZES, CacheDtype::F32, 100, 2);
    let q = tensor(uniform(3 * 18, 3), (1, 3, 18)).unwrap();
    let before = values(&mla(&SIZES, &kv_b, &q, &on(&kv, &pages, 69)).unwrap());
    let noise = tensor(vec![f32::NAN; 30 * 46], (30, 46)).unwrap();
    kv.write_latent(&pages, 1, 70, &noise).unwrap();
    assert_eq!(values(&mla(&SIZES, &kv_b, &q, &on(&kv, &pages, 69)).unwrap()), before);
}

#[test]
fn few_tokens_are_absorbed_and_long_chunks_expanded() {
    let v3 = MlaSizes { heads: 128, latent: 512, nope: 128, rope: 64, value: 128, scale: 0.1 };
    let absorbed = |tokens, past| super::mla::prefers_absorbed(&v3, tokens, past, false);
    assert!(absorbed(1, 0) && absorbed(9, 100_000) && absorbed(100, 10_000));
    assert!(!absorbed(512, 0) && !absorbed(512, 10_000));
    let absorbed = |tokens, past| super::mla::prefers_absorbed(&v3, tokens, past, true);
    assert!(absorbed(1, 0) && absorbed(256, 10_000) && !absorbed(256, 0) && !absorbed(2048, 0));
}

/// Numbers of rows and keys that fill no tile, several ranges, large scores; with and without AMX.
#[test]
fn a_prefill_equals_the_definition_and_is_batch_invariant() {
    let (past, tokens) = (1100, 37);
    let latent_sizes = MlaSizes { heads: 3, latent: 40, nope: 36, rope: 6, value: 50, scale: 0.3 };
    let grouped = GqaSizes { heads: 6, kv_heads: 2, head_dim: 72, scale: 2.0 };
    let (kv_b, width) = (up(&latent_sizes, 3), 42);
    let q = uniform(tokens * 3 * width, 4);
    let g = uniform(tokens * 6 * 72, 7);
    for dtype in DTYPES {
        let (kv, pages) = latents(&latent_sizes, dtype, past + tokens, 5);
        let expected = reference::mla(&latent_sizes, &kv_b, &q, &kv.decoded(&pages, 1, past + tokens));
        let context = Context { prefill: true, ..on(&kv, &pages, past) };
        for form in [super::mla::absorbed, super::mla::expanded] {
            let all = form(&latent_sizes, &kv_b, &q, &context);
            close(&all, &expected, 5e-5);
            let from = 20 * 3 * width;
            let later = form(&latent_sizes, &kv_b, &q[from..], &Context { past: past + 20, ..context });
            assert_eq!(later, all[20 * 3 * 50..]);
        }
        let (kv, pages) = heads(&grouped, dtype, past + tokens, 6);
        let expected = reference::gqa(&grouped, &g, &kv.decoded(&pages, 1, past + tokens));
        let context = Context { prefill: true, ..on(&kv, &pages, past) };
        let all = super::gqa::attend(&grouped, &g, &context);
        close(&all, &expected, 1e-4);
        let later = super::gqa::attend(&grouped, &g[20 * 432..], &Context { past: past + 20, ..context });
        assert_eq!(later, all[20 * 432..]);
    }
}

#[test]
fn mismatched_shapes_are_refused() {
    let kv_b = up(&SIZES, 1);
    let (kv, pages) = latents(&SIZES, CacheDtype::Fp8, 70, 2);
    let q = |tokens: usize, heads: usize, width: usize| {
        tensor(vec![0.0; tokens * heads * width], (tokens, heads, width)).unwrap()
    };
    let check = |q: &Tensor, pages: &[u32], layer, past| {
        assert!(
            mla(&SIZES, &kv_b, q, &Context { layer, ..on(&kv, pages, past) }).is_err(),
            "{q:?} {layer} {past}"
        );
    };
    check(&q(1, 2, 18), &pages, 1, 3);
    check(&q(1, 3, 17), &pages, 1, 3);
    check(&q(0, 3, 18), &pages, 1, 3);
    check(&q(1, 3, 18), &pages, 2, 3);
    check(&q(1, 3, 18), &pages[..1], 1, 64);
    check(&q(1, 3, 18), &[99], 1, 3);
    assert!(gqa(&GQA, &q(1, 6, 20), &on(&kv, &pages, 3)).is_err(), "another kind of cache");
    assert!(with_slice(&q(1, 1, 1), |x| Ok(x.len())).is_ok_and(|len| len == 1));
}
