//! The products of a decode step, each in a graph of many launches with weights of its own, so that the
//! second cache holds none of them: the time beside the floor, bytes over the bandwidth of a copy on the same
//! card. An argument keeps only the lines that contain it. Does nothing where there is no card.
#[path = "../tests/common/mod.rs"]
mod common;

use std::sync::Arc;

use common::Random;
use cuda::ops::gemm::Product;
use cuda::ops::gemv::Gemv;
use cuda::ops::moe::{ExpertsDown, ExpertsUp, inner_shape};
use cuda::{Buffer, Card, Dtype, Event, Graph, Matrix, Ptr, Result};

/// Bytes of weights that a graph reads at least: a multiple of the second cache of any card.
const READ: usize = 400 << 20;
const MIN_LAUNCHES: usize = 32;
const REPLAYS: usize = 12;

fn main() {
    let usable = cuda::places().ok().and_then(|cards| cards.into_iter().find(|card| card.usable()));
    let Some(info) = usable else {
        println!("not run: no card");
        return;
    };
    let card = Card::open(info.index).expect("a usable card opens");
    let bandwidth = bandwidth(&card);
    println!("{}: a copy moves {:.2} TB/s", info.name, bandwidth / 1e12);
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let bench = Bench { card, bandwidth, only };
    bench.products("1.5B q, k, v", &[(Dtype::Q4K, 1536), (Dtype::Q4K, 256), (Dtype::Q6K, 256)], 1536);
    bench.products("1.5B o", &[(Dtype::Q4K, 1536)], 1536);
    bench.silu("1.5B gate, up", Dtype::Q4K, 8960, 1536);
    bench.products("1.5B down", &[(Dtype::Q4K, 1536)], 8960);
    bench.products("1.5B down", &[(Dtype::Q6K, 1536)], 8960);
    bench.products("1.5B head", &[(Dtype::Q6K, 151_936)], 1536);
    bench.products("7B q, k, v", &[(Dtype::Q4K, 3584), (Dtype::Q4K, 512), (Dtype::Q6K, 512)], 3584);
    bench.silu("7B gate, up", Dtype::Q4K, 18_944, 3584);
    bench.products("7B down", &[(Dtype::Q6K, 3584)], 18_944);
    bench.products("V2-Lite q, kv_a", &[(Dtype::Q4K, 3072), (Dtype::Q4K, 576)], 2048);
    bench.products("V2-Lite o", &[(Dtype::Q4K, 2048)], 2048);
    bench.products("V2-Lite router", &[(Dtype::F32, 64)], 2048);
    bench.products("V2-Lite head", &[(Dtype::Q6K, 102_400)], 2048);
    bench.experts("V2-Lite", [Dtype::Q4K, Dtype::Q5_0], [Dtype::Q4K, Dtype::Q4K]);
    bench.experts("V2-Lite", [Dtype::Q4K, Dtype::Q8_0], [Dtype::Q4K, Dtype::Q6K]);
    bench.experts("V2-Lite", [Dtype::Q4K, Dtype::Q4_0], [Dtype::Q4K, Dtype::Q4K]);
}

/// Bytes a second of a copy on the card, those read and those written.
fn bandwidth(card: &Arc<Card>) -> f64 {
    const BYTES: usize = 2 << 30;
    let [from, to] = [0; 2].map(|_| Buffer::new(card, BYTES).expect("room"));
    from.fill(0x5A).expect("the card works");
    let seconds = timed(card, || to.copy_from(0, &from));
    2.0 * BYTES as f64 / seconds
}

/// Seconds of `work`: the median of some runs.
fn timed(card: &Arc<Card>, mut work: impl FnMut() -> Result<()>) -> f64 {
    let mut times: Vec<f64> = (0..REPLAYS)
        .map(|_| {
            let [start, end] = [0; 2].map(|_| Event::new(card).expect("the card works"));
            start.record().expect("the card works");
            work().expect("the card works");
            end.record().expect("the card works");
            end.wait().expect("the card works");
            f64::from(end.elapsed_since(&start).expect("both were reached")) / 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[REPLAYS / 2]
}

struct Bench {
    card: Arc<Card>,
    bandwidth: f64,
    only: Option<String>,
}

impl Bench {
    fn wants(&self, what: &str) -> bool {
        self.only.as_ref().is_none_or(|only| what.contains(only))
    }

    fn activations(&self, count: usize) -> Buffer {
        common::uploaded(&self.card, &Random::new(3).values(count))
    }

    /// Matrices of one shape, as many as `launches`.
    fn matrices(&self, dtype: Dtype, rows: usize, cols: usize, launches: usize) -> Vec<Matrix> {
        let bytes = Random::new(5).weights(dtype, rows, cols);
        let upload = |_| Matrix::upload(&self.card, dtype, rows, cols, &bytes, None).expect("room");
        let matrices = (0..launches).map(upload).collect();
        self.card.finish_uploads().expect("the card works");
        matrices
    }

    /// Prints the time of one of `launches` launches that read `bytes` each.
    fn report(&self, what: &str, bytes: usize, launches: usize, launch: impl Fn(usize) -> Result<()>) {
        let graph = Graph::capture(&self.card, || (0..launches).try_for_each(&launch)).expect("a graph");
        graph.launch().expect("the card works");
        let seconds = timed(&self.card, || graph.launch()) / launches as f64;
        let floor = bytes as f64 / self.bandwidth;
        println!(
            "{what:36} {:7.2} MB {:7.2} us, floor {:6.2} us, {:4.2} TB/s",
            bytes as f64 / 1e6,
            seconds * 1e6,
            floor * 1e6,
            bytes as f64 / seconds / 1e12,
        );
    }

    fn gemv(&self, x: &Buffer, norm: &Buffer, cols: usize) -> Gemv {
        let (x, norm, x_stride) = (x.ptr(), norm.ptr(), cols as u32);
        Gemv { x, x_stride, rows: 1, norm, eps: 1e-6, residual: Ptr::NULL, residual_stride: 0 }
    }

    /// Products of `x`, normed, with matrices of these formats and rows.
    fn products(&self, what: &str, shapes: &[(Dtype, usize)], cols: usize) {
        let names: Vec<&str> = shapes.iter().map(|(dtype, _)| dtype.name()).collect();
        let what = format!("{what} ({})", names.join(", "));
        if !self.wants(&what) {
            return;
        }
        let bytes: usize =
            shapes.iter().map(|(dtype, rows)| dtype.bytes_of(rows * cols).expect("whole blocks")).sum();
        let launches = READ.div_ceil(bytes).clamp(MIN_LAUNCHES, 400);
        let stacks: Vec<Vec<Matrix>> =
            shapes.iter().map(|&(dtype, rows)| self.matrices(dtype, rows, cols, launches)).collect();
        let (x, norm) = (self.activations(cols), self.activations(cols));
        let outs: Vec<Buffer> = shapes.iter().map(|(_, rows)| self.activations(*rows)).collect();
        let gemv = self.gemv(&x, &norm, cols);
        self.report(&what, bytes, launches, |at| {
            let product = |(matrices, out): (&Vec<Matrix>, &Buffer)| {
                let weight = matrices[at].mat();
                Product { weight, bias: Ptr::NULL, y: out.ptr(), y_stride: weight.rows }
            };
            let products: Vec<Product> = stacks.iter().zip(&outs).map(product).collect();
            gemv.launch(&self.card, &products)
        });
    }

    fn silu(&self, what: &str, dtype: Dtype, rows: usize, cols: usize) {
        let what = format!("{what} ({})", dtype.name());
        if !self.wants(&what) {
            return;
        }
        let bytes = 2 * dtype.bytes_of(rows * cols).expect("whole blocks");
        let launches = READ.div_ceil(bytes).max(MIN_LAUNCHES);
        let [gate, up] = [0; 2].map(|_| self.matrices(dtype, rows, cols, launches));
        let (x, norm, out) = (self.activations(cols), self.activations(cols), self.activations(rows));
        let gemv = self.gemv(&x, &norm, cols);
        self.report(&what, bytes, launches, |at| {
            let product = |matrices: &[Matrix]| Product {
                weight: matrices[at].mat(),
                bias: Ptr::NULL,
                y: out.ptr(),
                y_stride: rows as u32,
            };
            gemv.launch_silu(&self.card, [product(&gate), product(&up)])
        });
    }

    /// Six of 64 experts and the shared ones of V2-Lite; `[up, down]` of each.
    fn experts(&self, what: &str, routed: [Dtype; 2], shared: [Dtype; 2]) {
        const HIDDEN: usize = 2048;
        const INNER: usize = 1408;
        const SHARED: usize = 2816;
        const EXPERTS: usize = 64;
        const TOP_K: usize = 6;
        const LAUNCHES: usize = 64;
        if !self.wants(&format!("{what} experts")) {
            return;
        }
        let stack = |dtype: Dtype, rows: usize, cols: usize| {
            let bytes = Random::new(5).weights(dtype, rows, cols);
            let parts = vec![(&bytes[..], None); EXPERTS];
            Matrix::upload_stack(&self.card, dtype, rows, cols, &parts).expect("room")
        };
        let own = [
            stack(routed[0], INNER, HIDDEN),
            stack(routed[0], INNER, HIDDEN),
            stack(routed[1], HIDDEN, INNER),
        ];
        let other = [
            self.matrices(shared[0], SHARED, HIDDEN, LAUNCHES),
            self.matrices(shared[0], SHARED, HIDDEN, LAUNCHES),
            self.matrices(shared[1], HIDDEN, SHARED, LAUNCHES),
        ];
        self.card.finish_uploads().expect("the card works");
        let (x, norm) = (self.activations(HIDDEN), self.activations(HIDDEN));
        let (out, weights) = (self.activations(HIDDEN), self.activations(TOP_K));
        let ids: Vec<u32> = (0..LAUNCHES * TOP_K).map(|at| (at * 11 % EXPERTS) as u32).collect();
        let ids = common::uploaded(&self.card, &ids);
        let (slots, width) = inner_shape(&own[0][0].mat(), Some(&other[0][0].mat()), TOP_K);
        let inner = self.activations(slots * width);
        let size = |dtype: Dtype, count: usize| dtype.bytes_of(count).expect("whole blocks");
        let bytes = |at: usize| TOP_K * size(routed[at], INNER * HIDDEN) + size(shared[at], SHARED * HIDDEN);
        let up = |at: usize| ExpertsUp {
            x: x.ptr(),
            x_stride: HIDDEN as u32,
            norm: norm.ptr(),
            eps: 1e-6,
            ids: ids.ptr::<u32>().offset(at * TOP_K),
            routed: [own[0][0].mat(), own[1][0].mat()],
            shared: Some([other[0][at].mat(), other[1][at].mat()]),
            inner: inner.ptr(),
            rows: 1,
            top_k: TOP_K,
        };
        let down = |at: usize| ExpertsDown {
            inner: inner.ptr(),
            residual: x.ptr(),
            residual_stride: HIDDEN as u32,
            ids: ids.ptr::<u32>().offset(at * TOP_K),
            weights: weights.ptr(),
            routed: own[2][0].mat(),
            shared: Some(other[2][at].mat()),
            out: out.ptr(),
            out_stride: HIDDEN as u32,
            rows: 1,
            top_k: TOP_K,
            inner_width: width,
        };
        let name = |at: usize| format!("{}, {}", routed[at].name(), shared[at].name());
        self.report(&format!("{what} experts up ({})", name(0)), 2 * bytes(0), LAUNCHES, |at| {
            up(at).launch(&self.card)
        });
        self.report(&format!("{what} experts down ({})", name(1)), bytes(1), LAUNCHES, |at| {
            down(at).launch(&self.card)
        });
        self.report(&format!("{what} experts, both"), 2 * bytes(0) + bytes(1), LAUNCHES, |at| {
            up(at).launch(&self.card)?;
            down(at).launch(&self.card)
        });
    }
}
