//! How fast weights come to the card: many matrices of the size of an expert, and a few large ones, in
//! formats that are rearranged in different ways. Prints and does nothing where there is no card.
use std::time::Instant;

use cuda::{Card, Dtype, Matrix};

fn main() {
    let usable = cuda::places().ok().and_then(|cards| cards.into_iter().find(|card| card.usable()));
    let Some(info) = usable else {
        println!("not run: no card");
        return;
    };
    let start = Instant::now();
    let card = Card::open(info.index).expect("a usable card opens");
    println!("{}: opened in {:.2} s", info.name, start.elapsed().as_secs_f64());
    for (dtype, rows, cols, count) in [
        (Dtype::Q4K, 1408, 2048, 2000),
        (Dtype::Q5_0, 2048, 1408, 1000),
        (Dtype::Q8_0, 2048, 1408, 500),
        (Dtype::Q6K, 102_400, 2048, 10),
        (Dtype::BF16, 7168, 2048, 50),
    ] {
        let bytes = vec![1; dtype.bytes_of(rows * cols).expect("whole blocks")];
        let start = Instant::now();
        let matrices: Vec<_> = (0..count)
            .map(|_| Matrix::upload(&card, dtype, rows, cols, &bytes, None).expect("room"))
            .collect();
        card.finish_uploads().expect("the card works");
        let (total, seconds) = ((count * bytes.len()) as f64 / 1e9, start.elapsed().as_secs_f64());
        let name = dtype.name();
        println!(
            "{name:6} {count:5} x {rows} x {cols}: {total:.1} GB in {seconds:.2} s, {:.1} GB/s",
            total / seconds
        );
        drop(matrices);
    }
    println!("{} bytes are still held", card.held());
}
