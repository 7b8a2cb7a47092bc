//! Latent attention from the products of a row to its output, against the definition in f64.
//! Prints and does nothing where there is no card.
mod common;
#[path = "common/pages.rs"]
mod pages;

use common::{Random, close, poisoned, uploaded};
use cuda::ops::attention::{LatentUp, MlaAttend};
use cuda::ops::flash::MlaFlash;
use cuda::ops::rope::{MlaPrepare, PageDtype, Pairs};
use cuda::{Buffer, Card, Dtype, Matrix};
use pages::{PAGE, Record, Rows, TYPES, attend, dot};

/// The ways from a row's products to the output of latent attention.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Decode,
    Whole,
    Flash,
}

/// A case of latent attention, on the host and on the card.
struct Latent {
    record: Record,
    rows: Rows,
    heads: usize,
    /// Key part without rotation, value.
    sizes: [usize; 2],
    weights: Matrix,
    values: Vec<f64>,
    q: Vec<f32>,
    buffers: [Buffer; 5],
    lists: [Buffer; 4],
    cache: Buffer,
}

impl Latent {
    fn new(
        card: &Card,
        (dtype, format): (PageDtype, Dtype),
        (heads, latent, rope): (usize, usize, usize),
        sizes: [usize; 2],
        sequences: &[(usize, usize)],
    ) -> Self {
        let record = Record { dtype, quantised: latent, rest: rope, group: 128 };
        let (rows, mut random) = (Rows::new(sequences), Random::new(latent as u64));
        let height = heads * (sizes[0] + sizes[1]);
        let bytes = random.weights(format, height, latent);
        let scales = vec![0.01; height.div_ceil(128) * latent.div_ceil(128)];
        let is_fp8 = format == Dtype::F8E4M3;
        let decoded = common::decoded(format, &bytes, height * latent).into_iter();
        let values: Vec<f64> =
            decoded.map(|w| f64::from(w) * if is_fp8 { f64::from(0.01f32) } else { 1.0 }).collect();
        let weights = Matrix::upload(card, format, height, latent, &bytes, is_fp8.then_some(&scales[..]));
        // Scores of the size that a model has: a softmax of thousands would show nothing but rounding.
        let squares = values.iter().map(|w| w * w).sum::<f64>() / values.len() as f64;
        let small = (squares * sizes[0] as f64).sqrt().recip() as f32;
        let q: Vec<f32> =
            random.values(rows.len() * heads * (sizes[0] + rope)).iter().map(|x| x * small).collect();
        let kv_a = random.values(rows.len() * (latent + rope));
        let norm: Vec<f32> = random.values(latent).iter().map(|x| 1.0 + 0.3 * x).collect();
        let angles: Vec<f32> = random.values(rows.len() * rope / 2);
        let turns = [f32::cos, f32::sin].map(|f| angles.iter().map(|&x| f(3.0 * x)).collect::<Vec<f32>>());
        let buffers = [&q, &kv_a, &norm, &turns[0], &turns[1]].map(|values| uploaded(card, values));
        let cache = uploaded(card, &rows.random_cache(&record, &mut random));
        let (lists, weights) = (rows.upload(card), weights.expect("the card works"));
        card.finish_uploads().expect("the card works");
        Self { record, rows, heads, sizes, weights, values, q, buffers, lists, cache }
    }

    /// Output of the rows of `range`, each a row of the launch.
    fn run(&self, card: &Card, way: Way, range: std::ops::Range<usize>) -> Vec<f32> {
        let ([nope, value], heads) = (self.sizes, self.heads);
        let Record { dtype, quantised: latent, rest: rope, .. } = self.record;
        let (width, count) = (nope + rope, range.len());
        let in_parts = way == Way::Decode && MlaAttend::on_tensor_cores(dtype, heads, latent, rope);
        // Queries are rotated in place.
        self.buffers[0].write(0, &self.q).expect("the card works");
        let [q, kv_a, _, cos, sin] = [0, 1, 2, 3, 4].map(|at| self.buffers[at].ptr::<f32>());
        let [positions, tables, slots] = [0, 1, 2].map(|at| self.lists[at].ptr::<i32>().offset(range.start));
        let q = q.offset(range.start * heads * width);
        let absorbed = poisoned(card, count * heads * (4 * latent).max(MlaAttend::PART_BYTES));
        let prepare = MlaPrepare {
            kv_b: self.weights.mat(),
            q,
            kv_a: kv_a.offset(range.start * (latent + rope)),
            norm: self.buffers[2].ptr(),
            cos: cos.offset(range.start * rope / 2),
            sin: sin.offset(range.start * rope / 2),
            absorbed: absorbed.ptr(),
            cache: self.cache.ptr(),
            slots,
            rows: count as u32,
            heads: heads as u32,
            nope: nope as u32,
            rope: rope as u32,
            value: value as u32,
            latent: latent as u32,
            style: Pairs::Interleaved,
            dtype,
            record_bytes: self.record.bytes() as u32,
            q_stride: (heads * width) as u32,
            kv_a_stride: (latent + rope) as u32,
            eps: 1e-6,
            prefill: u32::from(way != Way::Decode),
            parts: u32::from(in_parts),
        };
        prepare.launch(card).expect("the card works");
        let keys = *self.rows.positions[range].iter().max().expect("rows") as usize + 1;
        let splits = if way == Way::Decode { MlaAttend::splits(keys) } else { 1 };
        let partials = poisoned(card, 4 * count * splits as usize * heads * latent);
        let stats = poisoned(card, 8 * count * splits as usize * heads);
        let attend = MlaAttend {
            absorbed: absorbed.ptr(),
            q,
            cache: self.cache.ptr(),
            positions,
            tables,
            pages: self.lists[3].ptr(),
            partials: partials.ptr(),
            stats: stats.ptr(),
            rows: count as u32,
            heads: heads as u32,
            nope: nope as u32,
            rope: rope as u32,
            latent: latent as u32,
            dtype,
            record_bytes: self.record.bytes() as u32,
            splits,
            whole: u32::from(way != Way::Decode),
            q_stride: (heads * width) as u32,
            scale: (width as f32).powf(-0.5),
            pad: 0,
        };
        if way == Way::Flash {
            let flash = MlaFlash {
                absorbed: attend.absorbed,
                q,
                cache: attend.cache,
                positions,
                tables,
                pages: attend.pages,
                partials: attend.partials,
                stats: attend.stats,
                first: 0,
                count: count as u32,
                heads: attend.heads,
                nope: attend.nope,
                record_bytes: attend.record_bytes,
                q_stride: attend.q_stride,
                scale: attend.scale,
                pad: 0,
            };
            flash.launch(card, dtype).expect("the card works");
        } else {
            attend.launch(card, in_parts).expect("the card works");
        }
        let out = poisoned(card, 4 * count * heads * value);
        let up = LatentUp {
            kv_b: self.weights.mat(),
            partials: partials.ptr(),
            stats: stats.ptr(),
            positions,
            out: out.ptr(),
            rows: count as u32,
            heads: heads as u32,
            nope: nope as u32,
            value: value as u32,
            latent: latent as u32,
            splits,
            whole: attend.whole,
            out_stride: (heads * value) as u32,
        };
        up.launch(card).expect("the card works");
        out.read(0, count * heads * value).expect("the card works")
    }

    /// The definition, on the records that the last run left.
    fn reference(&self) -> Vec<f64> {
        let ([nope, value], heads) = (self.sizes, self.heads);
        let Record { quantised: latent, rest: rope, .. } = self.record;
        let bytes = self.cache.read::<u8>(0, self.rows.pages.len() * PAGE * self.record.bytes());
        let (bytes, width) = (bytes.expect("the card works"), nope + rope);
        let rotated = self.buffers[0].read::<f32>(0, self.q.len()).expect("the card works");
        let mut out = Vec::new();
        for row in 0..self.rows.len() {
            let records = self.rows.attended(row, &self.record, &bytes);
            for head in 0..heads {
                let q = &rotated[(row * heads + head) * width..][..width];
                let w = |at: usize| &self.values[(head * (nope + value) + at) * latent..][..latent];
                let mut absorbed = vec![0.0; latent];
                for (d, x) in q[..nope].iter().enumerate() {
                    absorbed.iter_mut().zip(w(d)).for_each(|(sum, w)| *sum += f64::from(*x) * w);
                }
                let scale = f64::from((width as f32).powf(-0.5));
                let score =
                    |r: &Vec<f64>| (dot(&absorbed, &r[..latent]) + dot(&q[nope..], &r[latent..])) * scale;
                let context =
                    attend(records.iter().map(score).collect(), records.iter().map(|r| &r[..latent]), latent);
                out.extend((0..value).map(|v| dot(&context, w(nope + v))));
            }
        }
        out
    }
}

#[test]
fn latents_attend_as_defined_in_every_way_and_format() {
    let Some(card) = common::card() else { return };
    let big = (16, 512, 64);
    let mut cases: Vec<_> =
        common::formats().map(|format| (PageDtype::Bf16, format, big, [128, 128])).collect();
    for dtype in TYPES {
        cases.push((dtype, Dtype::Q8_0, big, [128, 128]));
        cases.push((dtype, Dtype::F32, (2, 32, 8), [16, 24]));
        cases.push((dtype, Dtype::BF16, (6, 96, 16), [32, 40]));
        cases.push((dtype, Dtype::F32, (3, 200, 32), [192, 64]));
    }
    for (dtype, format, shape, sizes) in cases {
        let what = format!("{dtype:?}, {format:?}, {shape:?}");
        let several = Latent::new(&card, (dtype, format), shape, sizes, &[(130, 3), (1, 1), (2100, 1)]);
        let got = several.run(&card, Way::Decode, 0..several.rows.len());
        close(&what, &got, &several.reference(), 4e-5);
        let each = got.len() / several.rows.len();
        for row in 0..several.rows.len() {
            let alone = several.run(&card, Way::Decode, row..row + 1);
            assert_eq!(alone, got[row * each..][..each], "{what}: row {row} alone");
        }
        let chunk = Latent::new(&card, (dtype, format), shape, sizes, &[(90, 40)]);
        for way in [Way::Whole, Way::Flash] {
            if way == Way::Flash && !MlaFlash::supports(&card, dtype, shape.1, shape.2) {
                continue;
            }
            let got = chunk.run(&card, way, 0..chunk.rows.len());
            close(&format!("{what}, {way:?}"), &got, &chunk.reference(), 1e-4);
        }
    }
}
