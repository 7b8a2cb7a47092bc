//! Launching and capturing kernels, shown by the smallest one: the table of rotary angles.
//! Prints and does nothing where there is no card.
mod common;

use cuda::{Card, DriverVersion, Error, Graph, Launch, Params, Ptr};

/// Written from `rope_table_params` of kernels/rope.cu.
#[repr(C)]
#[derive(Clone, Copy)]
struct RopeTable {
    positions: Ptr<i32>,
    frequencies: Ptr<f64>,
    cos: Ptr<f32>,
    sin: Ptr<f32>,
    scale: f64,
    rows: u32,
    half: u32,
}

// SAFETY: the fields of the kernel's struct in its order.
unsafe impl Params for RopeTable {
    const KERNEL: &'static str = "rope_table";
}

/// Not the parameters of that kernel.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "only its size counts")]
struct Other([u64; 3]);

// SAFETY: it is refused.
unsafe impl Params for Other {
    const KERNEL: &'static str = RopeTable::KERNEL;
}

const ROWS: usize = 5;
const HALF: usize = 32;
const SHAPE: Launch = Launch { grid: [(ROWS * HALF).div_ceil(128) as u32, 1, 1], block: 128, shared: 0 };

struct Table {
    params: RopeTable,
    buffers: [cuda::Buffer; 4],
}

impl Table {
    fn new(card: &Card) -> Self {
        let frequencies: Vec<f64> =
            (0..HALF).map(|index| 10_000f64.powf(-(index as f64) / HALF as f64)).collect();
        let positions = common::uploaded(card, &[0_i32; ROWS]);
        let frequencies = common::uploaded(card, &frequencies);
        let [cos, sin] = [(); 2].map(|()| common::poisoned(card, ROWS * HALF * 4));
        let params = RopeTable {
            positions: positions.ptr(),
            frequencies: frequencies.ptr(),
            cos: cos.ptr(),
            sin: sin.ptr(),
            scale: 1.0,
            rows: ROWS as u32,
            half: HALF as u32,
        };
        Self { params, buffers: [positions, frequencies, cos, sin] }
    }

    fn set(&self, positions: [i32; ROWS]) {
        self.buffers[0].write(0, &positions).expect("works");
        self.buffers[2].fill(0xFF).expect("works");
    }

    fn check(&self, positions: [i32; ROWS]) {
        let got = self.buffers[2].read::<f32>(0, ROWS * HALF).expect("works");
        let angle =
            |at: usize| f64::from(positions[at / HALF]) * 10_000f64.powf(-((at % HALF) as f64) / HALF as f64);
        let want: Vec<f64> = (0..ROWS * HALF).map(|at| angle(at).cos()).collect();
        common::close("cosines", &got, &want, 1e-6);
    }
}

#[test]
fn a_captured_kernel_reads_memory_of_its_launch_also_at_its_first_use() {
    let Some(card) = common::card() else { return };
    let table = Table::new(&card);
    let before = card.launches();
    // Nothing launched the kernel before: it is loaded while the stream is captured.
    let enqueue = || {
        card.launch(SHAPE, &table.params)?;
        card.launch(SHAPE, &table.params)
    };
    let graph = Graph::capture(&card, enqueue).expect("captured");
    assert_eq!((graph.kernels(), card.launches() - before), (2, 0));
    for positions in [[0, 1, 2, 3, 4], [7, 0, 65_000, 9, 131_071]] {
        table.set(positions);
        graph.launch().expect("works");
        table.check(positions);
    }
    assert_eq!(card.launches() - before, 4);
    let positions = [3; ROWS];
    table.set(positions);
    card.launch(SHAPE, &table.params).expect("works");
    table.check(positions);
}

#[test]
fn what_cannot_be_launched_is_named() {
    let Some(card) = common::card() else { return };
    let table = Table::new(&card);
    let params = table.params;
    let unknown = card.launch_as("no_such_kernel", SHAPE, &params);
    assert_eq!(unknown, Err(Error::NoKernel { name: "no_such_kernel".to_owned() }));
    let greedy = Launch { shared: card.limits().shared_per_block + 1, ..SHAPE };
    assert!(matches!(card.launch(greedy, &params), Err(Error::Shape(_))));
    // Drivers before CUDA 12.4 do not know the size.
    if card.info().driver >= (DriverVersion { major: 12, minor: 4 }) {
        let other = card.launch(SHAPE, &Other([0; 3]));
        let expect = "rope_table takes 48 bytes of parameters, not 24".to_owned();
        assert_eq!(other, Err(Error::Shape(expect)));
    }
    let large = Launch { shared: card.limits().shared_per_block, ..SHAPE };
    card.launch(large, &params).expect("a kernel may have all of it");
    card.synchronize().expect("works");
}
