//! The projector: maps squares of neighbouring patch features to rows of the text model's hidden size by an
//! MLP.
use candle_core::Tensor;
use checkpoint::ProjectorConfig;
use kernels::{Epilogue, Linear};

use crate::LoadError;
use crate::ledger::WeightKind;
use crate::weights::Loader;

pub struct Projector {
    layers: Vec<Linear>,
    ratio: usize,
    grid: usize,
}

impl Projector {
    /// For inputs of `grid` by `grid` patches.
    pub fn load(config: &ProjectorConfig, grid: usize, loader: &mut Loader) -> Result<Self, LoadError> {
        let layers = config
            .matrices()
            .into_iter()
            .map(|(name, shape)| loader.linear(WeightKind::Vision, &name, shape, true))
            .collect::<Result<_, _>>()?;
        Ok(Self { layers, ratio: config.downsample_ratio, grid })
    }

    /// The output is `side` by `side` rows.
    pub fn side(&self) -> usize {
        self.grid.div_ceil(self.ratio)
    }

    /// `x` [grid * grid, C] -> [side * side, n_embed].
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (ratio, side, grid) = (self.ratio, self.side(), self.grid);
        let channels = x.dim(1)?;
        let missing = side * ratio - grid;
        let x = x.reshape((grid, grid, channels))?;
        let x = x.pad_with_zeros(0, 0, missing)?.pad_with_zeros(1, 0, missing)?;
        // [y, x, C, dy, dx]: the channels of each square, as the checkpoint's matrix expects them.
        let x = x.reshape(vec![side, ratio, side, ratio, channels])?.permute(vec![0, 2, 4, 1, 3])?;
        let mut x = x.contiguous()?.reshape((side * side, channels * ratio * ratio))?;
        for (at, layer) in self.layers.iter().enumerate() {
            if at > 0 {
                x = x.gelu_erf()?;
            }
            let mut y = Vec::new();
            layer.gemm(&x.flatten_all()?.to_vec1()?, Epilogue::Bias, &mut y)?;
            x = Tensor::from_vec(y, (x.dim(0)?, layer.weight().rows()), x.device())?;
        }
        Ok(x)
    }
}
