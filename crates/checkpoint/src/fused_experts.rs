//! Checkpoints that version 5 of transformers saved with all experts of a layer in one tensor: its parts
//! under the names of published checkpoints. Gate and input of an expert are the two halves of one matrix.
use crate::TensorView;

/// Far above any published count; bounds the names that one tensor makes.
const MAX_EXPERTS: usize = 1024;
const EXPERTS: &str = ".mlp.experts.";

/// The tensors of the experts in a fused tensor, which are views of its bytes; any other tensor as it is.
pub fn parts(name: String, view: TensorView) -> Vec<(String, TensorView)> {
    split(&name, &view).unwrap_or_else(|| vec![(name, view)])
}

fn split(name: &str, view: &TensorView) -> Option<Vec<(String, TensorView)>> {
    let (layer, part) = name.split_once(EXPERTS)?;
    let (part, suffix) = match part.strip_suffix("_scale_inv") {
        Some(part) => (part, "weight_scale_inv"),
        None => (part, "weight"),
    };
    let &[experts, rows, _] = &view.shape[..] else { return None };
    if experts > MAX_EXPERTS {
        return None;
    }
    let named = |expert: usize, matrix: &str| format!("{layer}{EXPERTS}{expert}.{matrix}.{suffix}");
    match part {
        "gate_up_proj" if rows.is_multiple_of(2) => {
            let both = |expert: usize| {
                let halves = view.part(expert).halves();
                ["gate_proj", "up_proj"].map(|matrix| named(expert, matrix)).into_iter().zip(halves)
            };
            Some((0..experts).flat_map(both).collect())
        }
        "down_proj" => Some((0..experts).map(|at| (named(at, "down_proj"), view.part(at))).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::Dtype;

    #[test]
    fn each_expert_has_its_own_rows() {
        // Two experts of two gate rows and two input rows with three columns: the values count up.
        let floats: Vec<u8> = (0..24u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
        let view = TensorView::owned(Dtype::F32, vec![2, 4, 3], floats);
        let parts = split("model.layers.3.mlp.experts.gate_up_proj", &view).expect("is fused");
        let row = |from: u8| (from..from + 6).map(f32::from).collect::<Vec<_>>();
        let expected = [("0.gate_proj", 0), ("0.up_proj", 6), ("1.gate_proj", 12), ("1.up_proj", 18)];
        assert_eq!(parts.len(), expected.len());
        for ((name, part), (matrix, from)) in parts.iter().zip(expected) {
            assert_eq!(*name, format!("model.layers.3.mlp.experts.{matrix}.weight"));
            assert_eq!((part.shape.as_slice(), part.to_f32()), (&[2, 3][..], row(from)));
        }
        let down = split("language.model.layers.1.mlp.experts.down_proj", &view).expect("is fused");
        assert_eq!(down[1].0, "language.model.layers.1.mlp.experts.1.down_proj.weight");
        assert_eq!(down[1].1.shape, [4, 3]);
        assert!(split("model.layers.1.mlp.experts.0.down_proj.weight", &view).is_none());
        assert!(split("model.layers.1.self_attn.o_proj.weight", &view).is_none());
    }
}
