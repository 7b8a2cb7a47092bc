//! A page that the card's own kernels wrote, for the check of a cache at load.
//! Knows no layers and no sequences.
use std::sync::Arc;

use candle_core::{Error, Result};
use cuda::ops::rope::{GqaWrite, MlaPrepare, PageDtype, Pairs};
use cuda::{Buffer, Mat, Ptr};

use super::{CacheKind, PAGE_TOKENS};
use crate::card_memory::CardMemory;
use crate::rms_norm::rms_norm;

/// Writes `rows` [64, width], the values of a page, to `page` with the kernels of a pass: without rotation,
/// and latents after a norm. Returns the values that must be in it.
pub fn write_page(
    memory: &Arc<CardMemory>,
    kind: CacheKind,
    dtype: PageDtype,
    record_bytes: usize,
    rows: &[f32],
    page: &Buffer,
) -> Result<Vec<f32>> {
    let width = rows.len() / PAGE_TOKENS;
    let upload = |values: &[f32]| memory.upload(values);
    let slots: Vec<i32> = (0..PAGE_TOKENS as i32).collect();
    let slots = memory.upload(&slots)?;
    let (cache, count, record_bytes) = (page.ptr(), PAGE_TOKENS as u32, record_bytes as u32);
    match kind {
        CacheKind::Gqa { kv_heads, head_dim } => {
            // A record is [k | v] of each head; the kernel takes keys and values apart.
            let part = |skip: usize| -> Vec<f32> {
                rows.chunks_exact(head_dim).skip(skip).step_by(2).flatten().copied().collect()
            };
            let half = head_dim / 2;
            let (k, v) = (upload(&part(0))?, upload(&part(1))?);
            let (cos, sin) = (
                upload(&vec![1.0; PAGE_TOKENS * half.max(1)])?,
                upload(&vec![0.0; PAGE_TOKENS * half.max(1)])?,
            );
            let stride = (kv_heads * head_dim) as u32;
            let q = upload(&vec![0.0; PAGE_TOKENS * head_dim])?;
            let write = GqaWrite {
                q: q.ptr(),
                k: k.ptr(),
                v: v.ptr(),
                q_norm: Ptr::NULL,
                k_norm: Ptr::NULL,
                cos: cos.ptr(),
                sin: sin.ptr(),
                cache,
                slots: slots.ptr(),
                rows: count,
                heads: 1,
                kv_heads: kv_heads as u32,
                head_dim: head_dim as u32,
                half: half as u32,
                style: Pairs::Neox,
                dtype,
                record_bytes,
                q_stride: head_dim as u32,
                k_stride: stride,
                v_stride: stride,
                eps: 0.0,
            };
            write.launch(memory.card()).map_err(Error::wrap)?;
            memory.card().synchronize().map_err(Error::wrap)?;
            Ok(rows.to_vec())
        }
        CacheKind::Latent { latent, rope } => {
            let (kv_a, norm) = (upload(rows)?, upload(&vec![1.0; latent])?);
            let half = rope / 2;
            let (cos, sin) = (
                upload(&vec![1.0; PAGE_TOKENS * half.max(1)])?,
                upload(&vec![0.0; PAGE_TOKENS * half.max(1)])?,
            );
            let unused = upload(&[0.0])?;
            let prepare = MlaPrepare {
                kv_b: Mat { cols: latent as u32, ..Mat::NONE },
                q: unused.ptr(),
                kv_a: kv_a.ptr(),
                norm: norm.ptr(),
                cos: cos.ptr(),
                sin: sin.ptr(),
                absorbed: unused.ptr(),
                cache,
                slots: slots.ptr(),
                rows: count,
                heads: 0,
                nope: 0,
                rope: rope as u32,
                value: 0,
                latent: latent as u32,
                style: Pairs::Interleaved,
                dtype,
                record_bytes,
                q_stride: 0,
                kv_a_stride: width as u32,
                eps: 1e-6,
                prefill: 0,
                parts: 0,
            };
            prepare.launch(memory.card()).map_err(Error::wrap)?;
            memory.card().synchronize().map_err(Error::wrap)?;
            let mut expected = rows.to_vec();
            for row in expected.chunks_exact_mut(width) {
                let raw = row[..latent].to_vec();
                rms_norm(&raw, &vec![1.0; latent], 1e-6, &mut row[..latent]);
            }
            Ok(expected)
        }
    }
}
