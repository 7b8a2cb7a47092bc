//! The records of the cache and grouped-query attention, against their definitions.
//! Prints and does nothing where there is no card.
mod common;
#[path = "common/pages.rs"]
mod pages;

use common::{Random, close, poisoned, uploaded};
use cuda::ops::attention::GqaAttend;
use cuda::ops::flash::GqaFlash;
use cuda::ops::rope::{GqaWrite, PageDtype, Pairs};
use cuda::{Card, Ptr};
use pages::{PAGE, Record, Rows, TYPES, attend, dot, rotate};

#[test]
fn records_have_the_bytes_that_the_processor_writes() {
    let Some(card) = common::card() else { return };
    let shapes =
        [(4, 2, 128, 64, Pairs::Neox), (3, 1, 40, 16, Pairs::Interleaved), (2, 2, 6, 3, Pairs::Neox)];
    for (dtype, (heads, kv_heads, dim, half, pairs)) in TYPES.into_iter().flat_map(|t| shapes.map(|s| (t, s)))
    {
        let record = Record { dtype, quantised: 2 * kv_heads * dim, rest: 0, group: dim };
        let rows = Rows::new(&[(70, 3), (5, 5)]);
        let mut random = Random::new(dim as u64);
        let mut values = |count| random.values(rows.len() * count);
        let (mut q, mut k, v) = (values(heads * dim), values(kv_heads * dim), values(kv_heads * dim));
        let (cos, sin) = (values(half), values(half));
        let [_, _, slots, _] = rows.upload(&card);
        let inputs = [&q, &k, &v, &cos, &sin].map(|values| uploaded(&card, values));
        let cache = poisoned(&card, rows.pages.len() * PAGE * record.bytes());
        let write = GqaWrite {
            q: inputs[0].ptr(),
            k: inputs[1].ptr(),
            v: inputs[2].ptr(),
            q_norm: Ptr::NULL,
            k_norm: Ptr::NULL,
            cos: inputs[3].ptr(),
            sin: inputs[4].ptr(),
            cache: cache.ptr(),
            slots: slots.ptr(),
            rows: rows.len() as u32,
            heads: heads as u32,
            kv_heads: kv_heads as u32,
            head_dim: dim as u32,
            half: half as u32,
            style: pairs,
            dtype,
            record_bytes: record.bytes() as u32,
            q_stride: (heads * dim) as u32,
            k_stride: (kv_heads * dim) as u32,
            v_stride: (kv_heads * dim) as u32,
            eps: 1e-6,
        };
        write.launch(&card).expect("the card works");
        let mut expect = vec![0xFF; cache.bytes()];
        for row in 0..rows.len() {
            let (cos, sin) = (&cos[row * half..][..half], &sin[row * half..][..half]);
            q[row * heads * dim..][..heads * dim].chunks_mut(dim).for_each(|x| rotate(x, pairs, cos, sin));
            let k = &mut k[row * kv_heads * dim..][..kv_heads * dim];
            k.chunks_mut(dim).for_each(|x| rotate(x, pairs, cos, sin));
            let both = k.chunks(dim).zip(v[row * kv_heads * dim..].chunks(dim));
            let values: Vec<f32> = both.flat_map(|(k, v)| [k, v].concat()).collect();
            let at = rows.slots[row] as usize * record.bytes();
            expect[at..at + record.bytes()].copy_from_slice(&record.encode(&values));
        }
        assert_eq!(inputs[0].read::<f32>(0, q.len()).expect("works"), q, "{dtype:?}, {dim}");
        assert!(cache.read::<u8>(0, expect.len()).expect("works") == expect, "{dtype:?}, {dim}: records");
    }
}

/// One launch for all rows, or for one with its own number of splits.
fn gqa(card: &Card, all: &GqaAttend, dtype: PageDtype, rows: &Rows, only: Option<usize>) -> Vec<f32> {
    let keys = only.map_or(rows.longest() + 100, |row| rows.positions[row] as usize + 1);
    let mut attend = GqaAttend { splits: GqaAttend::splits(keys), ..*all };
    if let Some(row) = only {
        attend.q = all.q.offset(row * all.q_stride as usize);
        (attend.positions, attend.tables) = (all.positions.offset(row), all.tables.offset(row));
        attend.rows = 1;
    }
    let (partials, tickets) = attend.workspace(dtype);
    let partials = poisoned(card, 4 * partials);
    let tickets = uploaded(card, &vec![0u32; tickets]);
    let out = poisoned(card, 4 * (attend.rows * all.out_stride) as usize);
    attend.partials = partials.ptr();
    attend.tickets = tickets.ptr();
    attend.out = out.ptr();
    attend.launch(card, dtype).expect("the card works");
    out.read(0, out.bytes() / 4).expect("the card works")
}

#[test]
fn heads_attend_as_defined_alone_and_in_company() {
    let Some(card) = common::card() else { return };
    let shapes = [(12, 2, 128), (4, 4, 64), (12, 1, 128), (6, 2, 40), (4, 1, 256), (3, 1, 6)];
    let sequences: [&[(usize, usize)]; 4] =
        [&[(1, 1)], &[(64, 1), (65, 2)], &[(700, 4), (2100, 1)], &[(90, 40)]];
    for (dtype, (heads, kv_heads, dim)) in TYPES.into_iter().flat_map(|t| shapes.map(|s| (t, s))) {
        for sequences in sequences {
            let record = Record { dtype, quantised: 2 * kv_heads * dim, rest: 0, group: dim };
            let (rows, mut random) = (Rows::new(sequences), Random::new(7));
            let bytes = rows.random_cache(&record, &mut random);
            let q: Vec<f32> = random.values(rows.len() * heads * dim).iter().map(|x| 3.0 * x).collect();
            let ([positions, tables, _, pages], cache) = (rows.upload(&card), uploaded(&card, &bytes));
            let (queries, scale) = (uploaded(&card, &q), (dim as f32).powf(-0.5));
            let mut all = GqaAttend {
                q: queries.ptr(),
                cache: cache.ptr(),
                positions: positions.ptr(),
                tables: tables.ptr(),
                pages: pages.ptr(),
                out: Ptr::NULL,
                partials: Ptr::NULL,
                tickets: Ptr::NULL,
                rows: rows.len() as u32,
                heads: heads as u32,
                kv_heads: kv_heads as u32,
                head_dim: dim as u32,
                record_bytes: record.bytes() as u32,
                splits: 1,
                whole: 0,
                q_stride: (heads * dim) as u32,
                out_stride: (heads * dim) as u32,
                scale,
            };
            let mut expect = Vec::new();
            for row in 0..rows.len() {
                let records = rows.attended(row, &record, &bytes);
                for head in 0..heads {
                    let (q, at) =
                        (&q[(row * heads + head) * dim..][..dim], head * kv_heads / heads * 2 * dim);
                    let scores =
                        records.iter().map(|r| dot(q, &r[at..at + dim]) * f64::from(scale)).collect();
                    expect.extend(attend(scores, records.iter().map(|r| &r[at + dim..at + 2 * dim]), dim));
                }
            }
            let what = format!("{dtype:?}, {heads}/{kv_heads} heads of {dim}, {sequences:?}");
            let got = gqa(&card, &all, dtype, &rows, None);
            close(&what, &got, &expect, 2e-5);
            for row in (0..rows.len()).step_by(7) {
                let alone = gqa(&card, &all, dtype, &rows, Some(row));
                assert_eq!(alone, got[row * heads * dim..][..heads * dim], "{what}: row {row} alone");
            }
            if sequences.len() == 1 && rows.len() >= 16 && GqaFlash::supports(dtype, dim, record.bytes()) {
                let out = poisoned(&card, 4 * q.len());
                let flash = GqaFlash {
                    q: all.q,
                    cache: all.cache,
                    positions: all.positions,
                    tables: all.tables,
                    pages: all.pages,
                    out: out.ptr(),
                    first: 0,
                    count: all.rows,
                    heads: all.heads,
                    kv_heads: all.kv_heads,
                    record_bytes: all.record_bytes,
                    q_stride: all.q_stride,
                    out_stride: all.out_stride,
                    scale,
                };
                flash.launch(&card, dtype, dim).expect("the card works");
                close(&format!("{what}, flash"), &out.read::<f32>(0, q.len()).expect("works"), &expect, 1e-4);
            }
            all.whole = 1;
            let out = poisoned(&card, 4 * q.len());
            all.out = out.ptr();
            all.launch(&card, dtype).expect("the card works");
            close(&format!("{what}, whole"), &out.read::<f32>(0, q.len()).expect("works"), &expect, 2e-5);
        }
    }
}
