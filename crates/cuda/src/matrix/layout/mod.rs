//! How a row of weights lies on the card: the same bytes as in its file, but of every block the same kind of
//! bytes together, so that lanes load 16 aligned bytes. Each kind is a *section*, padded with zeros to 16
//! bytes.
use formats::Dtype;

/// Sections begin, and rows end, at multiples of it: one load of a lane.
const LOAD: usize = 16;
/// Weights that a lane takes at once.
pub const UNIT: usize = 32;

/// The fields of a block that make sections, as (offset, bytes), and the number of the format in the kernels.
struct Fields {
    number: u32,
    sections: &'static [(usize, usize)],
}

/// `None` for the formats that no kernel reads yet.
const fn fields(dtype: Dtype) -> Option<Fields> {
    let (number, sections): (u32, &[(usize, usize)]) = match dtype {
        Dtype::F32 => (0, &[(0, 4)]),
        Dtype::F16 => (1, &[(0, 2)]),
        Dtype::BF16 => (2, &[(0, 2)]),
        Dtype::F8E4M3 => (3, &[(0, 1)]),
        Dtype::Q4_0 => (4, &[(2, 16), (0, 2)]),
        Dtype::Q4_1 => (5, &[(4, 16), (0, 4)]),
        Dtype::Q5_0 => (6, &[(6, 16), (2, 4), (0, 2)]),
        Dtype::Q5_1 => (7, &[(8, 16), (4, 4), (0, 4)]),
        Dtype::Q8_0 => (8, &[(2, 32), (0, 2)]),
        Dtype::Q2K => (9, &[(16, 64), (0, 16), (80, 4)]),
        Dtype::Q3K => (10, &[(32, 64), (0, 32), (96, 12), (108, 2)]),
        Dtype::Q4K => (11, &[(16, 128), (0, 16)]),
        Dtype::Q5K => (12, &[(48, 128), (16, 32), (0, 16)]),
        Dtype::Q6K => (13, &[(0, 128), (128, 64), (192, 16), (208, 2)]),
        Dtype::IQ4NL => (14, &[(2, 16), (0, 2)]),
        Dtype::IQ4XS => (15, &[(8, 128), (0, 8)]),
        Dtype::MXFP4 => (16, &[(1, 16), (0, 1)]),
        Dtype::IQ1S
        | Dtype::IQ1M
        | Dtype::IQ2XXS
        | Dtype::IQ2XS
        | Dtype::IQ2S
        | Dtype::IQ3XXS
        | Dtype::IQ3S => return None,
    };
    Some(Fields { number, sections })
}

/// The layout of the rows of one matrix.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The number of the format in the kernels.
    pub format: u32,
    /// Where sections begin; those that the format lacks are zero.
    pub starts: [usize; 4],
    /// Bytes of a row on the card, and in its file.
    pub row_bytes: usize,
    pub file_row_bytes: usize,
    block_bytes: usize,
    sections: &'static [(usize, usize)],
}

impl Layout {
    /// `None` when a row does not fill whole blocks, or no kernel reads the format.
    pub fn new(dtype: Dtype, cols: usize) -> Option<Self> {
        let Fields { number, sections } = fields(dtype)?;
        let file_row_bytes = dtype.bytes_of(cols)?;
        // Dense rows are padded to whole units; blocks are of whole units anyway.
        let blocks = cols.next_multiple_of(UNIT) / dtype.block_len();
        let mut starts = [0; 4];
        let mut at: usize = 0;
        for (start, (_, bytes)) in starts.iter_mut().zip(sections) {
            *start = at;
            at = (at + blocks * bytes).next_multiple_of(LOAD);
        }
        let block_bytes = dtype.block_bytes();
        Some(Self { format: number, starts, row_bytes: at, file_row_bytes, block_bytes, sections })
    }

    /// Whether any matrix in the format can be on the card.
    pub fn supports(dtype: Dtype) -> bool {
        fields(dtype).is_some()
    }

    /// Rearranges whole rows of a file.
    ///
    /// # Panics
    /// When the two do not hold the same number of rows.
    pub fn rearrange(&self, file: &[u8], card: &mut [u8]) {
        assert_eq!(file.len() / self.file_row_bytes, card.len() / self.row_bytes, "rows");
        for (file, card) in file.chunks(self.file_row_bytes).zip(card.chunks_mut(self.row_bytes)) {
            for (at, &(offset, bytes)) in self.sections.iter().enumerate() {
                let end = self.starts.get(at + 1).copied().filter(|&end| end > 0).unwrap_or(self.row_bytes);
                let section = &mut card[self.starts[at]..end];
                let filled = self.gather(file, offset, bytes, section);
                section[filled..].fill(0);
            }
        }
    }

    /// Copies a field of every block of a row and answers the bytes that it filled. Sizes are constants,
    /// which makes each copy a few instructions.
    fn gather(&self, row: &[u8], offset: usize, bytes: usize, section: &mut [u8]) -> usize {
        if bytes == self.block_bytes {
            section[..row.len()].copy_from_slice(row);
            return row.len();
        }
        match bytes {
            1 => gather::<1>(row, self.block_bytes, offset, section),
            2 => gather::<2>(row, self.block_bytes, offset, section),
            4 => gather::<4>(row, self.block_bytes, offset, section),
            8 => gather::<8>(row, self.block_bytes, offset, section),
            12 => gather::<12>(row, self.block_bytes, offset, section),
            16 => gather::<16>(row, self.block_bytes, offset, section),
            32 => gather::<32>(row, self.block_bytes, offset, section),
            64 => gather::<64>(row, self.block_bytes, offset, section),
            128 => gather::<128>(row, self.block_bytes, offset, section),
            other => unreachable!("no format has a field of {other} bytes"),
        }
    }
}

fn gather<const BYTES: usize>(row: &[u8], block_bytes: usize, offset: usize, section: &mut [u8]) -> usize {
    let fields = section.as_chunks_mut::<BYTES>().0;
    for (field, block) in fields.iter_mut().zip(row.chunks_exact(block_bytes)) {
        field.copy_from_slice(&block[offset..offset + BYTES]);
    }
    row.len() / block_bytes * BYTES
}

#[cfg(test)]
pub(super) mod tests;
