//! Sums of activations, shared among the threads where that pays: on one thread they would be what keeps more
//! threads from being faster.
use candle_core::{Result, Tensor, bail};

use crate::pool;
use crate::slices::{tensor, with_slice};

/// `a + b`, of one shape.
///
/// # Errors
/// When the shapes differ.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.dims() != b.dims() {
        bail!("shape mismatch: sum of {:?} and {:?}", a.dims(), b.dims());
    }
    let sum = with_slice(a, |a| {
        with_slice(b, |b| {
            // The memory is written for the first time by the tasks, which share the page faults.
            let mut sum = vec![0.0; a.len()];
            pool::rows_mut(&mut sum, 1, |first, sum| {
                let (a, b) = (&a[first..], &b[first..]);
                sum.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum = a + b);
            });
            Ok(sum)
        })
    })?;
    tensor(sum, a.shape())
}

/// Adds `bias` to each row of `y` [n, bias.len()].
pub fn add_bias(y: &mut [f32], bias: &[f32]) {
    pool::rows_mut(y, bias.len(), |_, rows| {
        for row in rows.chunks_exact_mut(bias.len()) {
            row.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::uniform;

    #[test]
    fn sums_of_any_size_equal_those_of_the_tensor_library() {
        for (rows, width) in [(1, 1), (3, 17), (40, 1000)] {
            let (a, b) = (uniform(rows * width, 1), uniform(rows * width, 2));
            let [a, b] = [a, b].map(|values| tensor(values, (rows, width)).unwrap());
            let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(&add(&a, &b).unwrap()), values(&(&a + &b).unwrap()));
            let bias = uniform(width, 3);
            let mut y = values(&a);
            add_bias(&mut y, &bias);
            let expected = a.broadcast_add(&tensor(bias, (width,)).unwrap()).unwrap();
            assert_eq!(y, values(&expected));
        }
        let narrow = tensor(vec![0.0; 4], (2, 2)).unwrap();
        assert!(add(&narrow, &tensor(vec![0.0; 4], (4, 1)).unwrap()).is_err());
    }
}
