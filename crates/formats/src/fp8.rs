//! The FP8 format e4m3fn: sign, four exponent bits (bias 7), three mantissa bits; no infinity, 0x7F and 0xFF
//! are NaN.

/// All 256 values of e4m3fn.
pub static E4M3: [f32; 256] = table();

/// The value of one e4m3fn byte.
#[inline]
pub fn e4m3_to_f32(byte: u8) -> f32 {
    E4M3[byte as usize]
}

/// The nearest e4m3fn, ties to even; saturates at 448, also for infinities. NaN stays NaN.
pub fn f32_to_e4m3(value: f32) -> u8 {
    if value.is_nan() {
        return 0x7F;
    }
    let sign = (value.to_bits() >> 24) as u8 & 0x80;
    let magnitude = value.abs();
    if magnitude >= 448.0 {
        return sign | 0x7E;
    }
    if magnitude < SMALLEST_NORMAL {
        // Subnormals are steps of 2^-9. Eight steps are the smallest normal value, whose code is 8, so
        // rounding up to it gives the right code.
        return sign | (magnitude * 512.0).round_ties_even() as u8;
    }
    // Drops 20 of 23 mantissa bits; a carry increments the exponent, as rounding requires.
    let bits = magnitude.to_bits();
    let rounded = bits + 0x7_FFFF + (bits >> 20 & 1);
    sign | ((rounded >> 20) - (120 << 3)) as u8
}

const SMALLEST_NORMAL: f32 = 1.0 / 64.0;

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

    #[test]
    fn every_value_survives_and_every_midpoint_goes_to_even() {
        for byte in (0..=255).filter(|byte| byte & 0x7F != 0x7F) {
            assert_eq!(f32_to_e4m3(e4m3_to_f32(byte)), byte, "{byte:#x}");
        }
        for byte in 0..0x7E {
            let (low, high) = (e4m3_to_f32(byte), e4m3_to_f32(byte + 1));
            let middle = (low + high) / 2.0;
            assert_eq!(f32_to_e4m3(middle), byte + byte % 2, "between {low} and {high}");
            assert_eq!(f32_to_e4m3(middle.next_down()), byte, "below the middle of {low} and {high}");
            assert_eq!(
                f32_to_e4m3(-middle.next_up()),
                (byte + 1) | 0x80,
                "above the middle of {low} and {high}"
            );
        }
        let check = |value: f32, expect| assert_eq!(f32_to_e4m3(value), expect, "{value}");
        check(1e9, 0x7E);
        check(f32::NEG_INFINITY, 0xFE);
        check(f32::NAN, 0x7F);
        check(1e-30, 0);
    }
}
