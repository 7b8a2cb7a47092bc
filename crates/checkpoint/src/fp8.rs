//! The FP8 format e4m3fn: sign, four exponent bits (bias 7), three mantissa bits; no infinity, 0x7F and 0xFF are NaN.

/// All 256 values of e4m3fn.
pub static E4M3: [f32; 256] = table();

/// The value of one e4m3fn byte.
#[inline]
pub fn e4m3_to_f32(byte: u8) -> f32 {
    E4M3[byte as usize]
}

const fn table() -> [f32; 256] {
    let mut values = [0.0; 256];
    let mut byte = 0;
    while byte < 256 {
        values[byte] = decode(byte as u8);
        byte += 1;
    }
    values
}

const fn decode(byte: u8) -> f32 {
    let exponent = ((byte >> 3) & 15) as u32;
    let mantissa = (byte & 7) as u32;
    if exponent == 15 && mantissa == 7 {
        return f32::NAN;
    }
    let magnitude = if exponent == 0 {
        // Subnormal: mantissa/8 * 2^-6.
        mantissa as f32 / 512.0
    } else {
        f32::from_bits(((exponent + 120) << 23) | (mantissa << 20))
    };
    if byte & 0x80 != 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let check = |byte, expect: f32| assert_eq!(e4m3_to_f32(byte), expect, "{byte:#x}");
        check(0x00, 0.0);
        check(0x38, 1.0);
        check(0x7E, 448.0);
        check(0xFE, -448.0);
        check(0x01, 2f32.powi(-9));
        check(0x08, 2f32.powi(-6));
        assert!(e4m3_to_f32(0x7F).is_nan() && e4m3_to_f32(0xFF).is_nan());
    }
}
