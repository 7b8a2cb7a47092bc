//! JSON output: one value per line. It is serialised directly from the type, because a `serde_json::Value` in
//! between would turn an f32 of 0.7 into 0.699999988.
use serde::Serialize;

pub fn print_json<T: Serialize>(value: &T) {
    println!("{}", to_line(value));
}

fn to_line<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a view is plain data")
}

#[cfg(test)]
mod tests {
    use contract::SamplingView;

    #[test]
    fn numbers_are_as_they_were_written() {
        let sampling = SamplingView { temperature: 0.7, top_p: 0.95, ..SamplingView::default() };
        let text = super::to_line(&sampling);
        assert!(text.contains("\"temperature\":0.7,\"top_p\":0.95,"), "{text}");
    }
}
