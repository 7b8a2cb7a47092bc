//! Memory, uploads and graphs on a card. Nothing here computes: kernels have tests of their own.
//! Prints and does nothing where there is no card.
mod common;

use common::Random;
use cuda::{Buffer, Error, Event, Graph, Matrix, Pinned};

#[test]
fn bytes_come_back_from_the_card() {
    let Some(card) = common::card() else { return };
    let values = Random::new(1).values(1000);
    let held = card.held();
    let buffer = Buffer::new(&card, 8000).expect("room");
    // The driver gives out 512 bytes at a time.
    assert_eq!(card.held(), held + 8192);
    buffer.fill(0xFF).expect("works");
    buffer.part(4000, 4000).write(0, &values).expect("works");
    assert_eq!(buffer.read::<f32>(4000, 1000).expect("works"), values);
    assert_eq!(buffer.read::<u32>(0, 1000).expect("works"), [u32::MAX; 1000]);
    let part = buffer.part(0, 4);
    drop(buffer);
    assert_eq!(part.read::<u8>(0, 4).expect("a part keeps the whole"), [255; 4]);
}

#[test]
fn pinned_memory_goes_to_the_card_and_comes_back() {
    let Some(card) = common::card() else { return };
    let on_card = common::poisoned(&card, 512);
    let mut host = Pinned::new(&card, 256).expect("room");
    let values: Vec<u8> = (1..=240).collect();
    host.slice_mut(16, 240).copy_from_slice(&values);
    host.upload(16, 240, on_card.ptr::<u8>().offset(48)).expect("works");
    card.synchronize().expect("works");
    let all = on_card.read::<u8>(0, 512).expect("works");
    assert_eq!((all[47], &all[48..288], all[288]), (255, &values[..], 255));
    host.slice_mut::<u8>(0, 256).fill(0);
    host.download(on_card.ptr::<u8>().offset(48), 240, 0).expect("works");
    card.synchronize().expect("works");
    assert_eq!(host.slice::<u8>(0, 240), values);
    let copy = Buffer::new(&card, 96).expect("room");
    copy.copy_from(48, &on_card.part(48, 48)).expect("works");
    assert_eq!(copy.read::<u8>(48, 48).expect("works"), values[..48]);
}

#[test]
fn more_than_there_is_is_refused_with_both_numbers() {
    let Some(card) = common::card() else { return };
    let (free, total) = card.memory().expect("works");
    assert!(free > 0 && total >= free);
    match Buffer::new(&card, total as usize * 2) {
        Err(Error::OutOfMemory { needed: Some(needed), free }) => {
            assert_eq!(needed, total * 2);
            assert!(free > 0);
        }
        other => panic!("{:?}", other.map(|buffer| buffer.bytes())),
    }
    Buffer::new(&card, 1 << 20).expect("the card still works");
}

#[test]
fn every_format_lies_on_the_card_as_the_host_rearranged_it() {
    let Some(card) = common::card() else { return };
    let mut random = Random::new(2);
    let mut uploaded = Vec::new();
    for dtype in common::formats() {
        // Several pieces of pinned memory, and rows that end anywhere in them.
        for (rows, cols) in [(1, 256), (3, 768), (70_001, 512)] {
            let bytes = random.weights(dtype, rows, cols);
            let scales: Vec<f32> = random.values(rows.div_ceil(128) * cols.div_ceil(128));
            let scales = (dtype == cuda::Dtype::F8E4M3).then_some(scales.as_slice());
            let matrix = Matrix::upload(&card, dtype, rows, cols, &bytes, scales).expect("room");
            uploaded.push((matrix, bytes));
        }
    }
    card.finish_uploads().expect("works");
    for (matrix, bytes) in uploaded {
        let (mat, dtype) = (matrix.mat(), matrix.dtype());
        assert_eq!(mat.scales.address() != 0, dtype == cuda::Dtype::F8E4M3);
        let row_bytes = bytes.len() / matrix.rows();
        for row in [0, matrix.rows() / 2, matrix.rows() - 1] {
            let back = matrix.rows_back(row..row + 1).expect("works");
            assert_eq!(back.len(), mat.row_bytes as usize);
            // The same bytes in another order, with zeros between.
            let mut counts = [0_i64; 256];
            back.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
            bytes[row * row_bytes..][..row_bytes].iter().for_each(|&byte| counts[usize::from(byte)] -= 1);
            counts[0] -= (back.len() - row_bytes) as i64;
            assert_eq!(counts, [0; 256], "{dtype:?}, row {row}");
        }
    }
}

#[test]
fn experts_lie_one_after_the_other() {
    let Some(card) = common::card() else { return };
    let mut random = Random::new(3);
    let (rows, cols) = (100, 256);
    let parts: Vec<_> = (0..5).map(|_| random.weights(cuda::Dtype::Q4K, rows, cols)).collect();
    let parts: Vec<_> = parts.iter().map(|bytes| (bytes.as_slice(), None)).collect();
    let experts = Matrix::upload_stack(&card, cuda::Dtype::Q4K, rows, cols, &parts).expect("room");
    card.finish_uploads().expect("works");
    let stride = rows as u64 * u64::from(experts[0].mat().row_bytes);
    for (index, expert) in experts.iter().enumerate() {
        let expect = experts[0].mat().base.address() + index as u64 * stride;
        assert_eq!(expert.mat().base.address(), expect);
    }
    // Q4_K's first section is the codes, bytes 16 to 144 of a block.
    let back = experts[4].rows_back(99..100).expect("works");
    assert_eq!(back[..128], parts[4].0[99 * 144 + 16..99 * 144 + 144]);
    assert_eq!(back[128..144], parts[4].0[99 * 144..99 * 144 + 16]);
}

#[test]
fn memory_of_weights_is_given_back() {
    let Some(card) = common::card() else { return };
    let held = card.held();
    let bytes = Random::new(4).weights(cuda::Dtype::F16, 1000, 1024);
    // More than fit in the slabs that are open at once, and some with a slab of their own.
    let upload = |rows: usize| {
        Matrix::upload(&card, cuda::Dtype::F16, rows, 1024, &bytes[..rows * 2048], None).expect("room")
    };
    let mut matrices: Vec<_> = (0..300).map(|_| upload(900)).collect();
    matrices.extend((0..3).map(|_| upload(1000)));
    let stored: u64 = matrices.iter().map(Matrix::bytes).sum();
    card.finish_uploads().expect("works");
    let taken = card.held() - held;
    assert!(taken >= stored && taken < stored + stored / 8, "{taken} for {stored}");
    drop(matrices);
    assert_eq!(card.held(), held);
}

#[test]
fn threads_upload_at_the_same_time() {
    let Some(card) = common::card() else { return };
    let uploaded: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|seed| {
                let card = &card;
                scope.spawn(move || {
                    let bytes = Random::new(seed).weights(cuda::Dtype::Q8_0, 20_000, 256);
                    (Matrix::upload(card, cuda::Dtype::Q8_0, 20_000, 256, &bytes, None).expect("room"), bytes)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    card.finish_uploads().expect("works");
    for (matrix, bytes) in uploaded {
        let back = matrix.rows_back(19_999..20_000).expect("works");
        assert_eq!(back[..32], bytes[bytes.len() - 8 * 34 + 2..][..32]);
    }
}

#[test]
fn captured_work_reads_what_is_there_when_it_is_launched() {
    let Some(card) = common::card() else { return };
    let buffer = Buffer::new(&card, 256).expect("room");
    let mut input = Pinned::new(&card, 256).expect("room");
    let mut output = Pinned::new(&card, 256).expect("room");
    let done = Event::new(&card).expect("works");
    let captured = Graph::capture(&card, || {
        input.upload(0, 256, buffer.ptr())?;
        output.download(buffer.ptr(), 256, 0)
    });
    let graph = captured.expect("captured");
    for step in 0..5_u32 {
        input.slice_mut::<u32>(0, 64).fill(step);
        graph.launch().expect("works");
        done.record().expect("works");
        done.wait().expect("works");
        assert!(done.done().expect("works"));
        assert_eq!(output.slice::<u32>(0, 64), [step; 64]);
    }
}

#[test]
fn work_that_cannot_be_captured_leaves_the_card_as_it_was() {
    let Some(card) = common::card() else { return };
    let refused = Graph::capture(&card, || Err(Error::Shape("not today".to_owned())));
    assert!(refused.is_err_and(|error| error == Error::Shape("not today".to_owned())));
    let buffer = Buffer::new(&card, 16).expect("room");
    buffer.write(0, &[7_u32; 4]).expect("works");
    assert_eq!(buffer.read::<u32>(0, 4).expect("works"), [7; 4]);
}
