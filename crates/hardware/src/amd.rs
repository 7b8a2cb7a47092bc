//! Reads AMD GPUs from sysfs, which the amdgpu kernel driver fills without a library. A missing or invalid
//! file leaves only its field empty. The root is a parameter so that tests can pass a recorded directory
//! tree.
use std::path::Path;

use crate::{Gpu, GpuVendor};

/// GPUs under `<sys>/class/drm/card*/device` with vendor 0x1002, ordered by card number.
pub fn read(sys: &Path) -> Vec<Gpu> {
    let Ok(entries) = std::fs::read_dir(sys.join("class/drm")) else { return Vec::new() };
    let mut gpus: Vec<(u32, Gpu)> = entries
        .flatten()
        .filter_map(|entry| {
            // Skips connectors such as card0-DP-1.
            let number = entry.file_name().to_str()?.strip_prefix("card")?.parse().ok()?;
            Some((number, gpu(sys, &entry.path().join("device"))?))
        })
        .collect();
    gpus.sort_by_key(|(number, _)| *number);
    gpus.into_iter().map(|(_, gpu)| gpu).collect()
}

fn gpu(sys: &Path, device: &Path) -> Option<Gpu> {
    let line = |path: &Path| {
        let text = std::fs::read(path).ok()?;
        let text = String::from_utf8_lossy(&text).trim_matches(['\0', ' ', '\n', '\r', '\t']).to_owned();
        Some(text).filter(|text| !text.is_empty() && !text.contains(char::is_control))
    };
    let bytes = |file: &str| line(&device.join(file))?.parse::<u64>().ok();
    if !line(&device.join("vendor"))?.eq_ignore_ascii_case("0x1002") {
        return None;
    }
    let total = bytes("mem_info_vram_total").filter(|total| *total > 0);
    let used = bytes("mem_info_vram_used");
    let name = line(&device.join("product_name")).unwrap_or_else(|| {
        format!("AMD GPU {}", line(&device.join("device")).unwrap_or_else(|| "of unknown kind".to_owned()))
    });
    Some(Gpu {
        name,
        vendor: GpuVendor::Amd,
        vram_total: total,
        // More used than total is invalid.
        vram_free: total.zip(used).and_then(|(total, used)| total.checked_sub(used)),
        shared_memory: false,
        driver: line(&sys.join("module/amdgpu/version")).unwrap_or_else(|| "amdgpu".to_owned()),
        cuda: None,
        compute_capability: None,
    })
}
