//! Visual grounding: a label with its bounding boxes in the image, as `grounding_parser` reads them from an
//! answer.

/// A label and its bounding boxes: left, top, right, bottom, normalized to 0..=999 of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounding {
    pub label: String,
    pub boxes: Vec<[u16; 4]>,
}

impl Grounding {
    /// The boxes in pixel coordinates of an image of this size.
    pub fn to_pixels(&self, width: usize, height: usize) -> Vec<[u32; 4]> {
        let scale = |v: u16, side: usize| (f64::from(v) / 999.0 * side as f64) as u32;
        let area =
            |[l, t, r, b]: [u16; 4]| [scale(l, width), scale(t, height), scale(r, width), scale(b, height)];
        self.boxes.iter().map(|&corners| area(corners)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_scaled_to_the_original_image() {
        let grounding = Grounding { label: String::new(), boxes: vec![[0, 500, 999, 999]] };
        assert_eq!(grounding.to_pixels(1998, 100), [[0, 50, 1998, 100]]);
    }
}
