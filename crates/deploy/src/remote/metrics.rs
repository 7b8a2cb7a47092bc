//! The metrics of an engine: a parser of the Prometheus text format, and the metric names of each engine.
//! SGLang's names are those of 0.5.23, vLLM's of 0.33, llama.cpp's of its server; ollama has none. Knows no
//! network.
use std::collections::VecDeque;

use plan::Engine;

/// Points kept: five minutes at one every two seconds.
const POINTS: usize = 150;

/// One sample of the metrics. A value that the engine does not report is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// Generated tokens per second, over all sequences.
    pub tokens_per_second: Option<f64>,
    pub running: Option<f64>,
    pub waiting: Option<f64>,
    /// Used fraction of the KV cache, 0 to 1.
    pub cache: Option<f64>,
    /// Acceptance rate of draft tokens, 0 to 1.
    pub accepted: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
enum Throughput {
    /// A counter of tokens; its rate is the throughput.
    Counter(&'static str),
    Gauge(&'static str),
}

#[derive(Debug, Clone, Copy)]
enum AcceptanceRate {
    /// Counters of accepted and of draft tokens.
    Counters(&'static str, &'static str),
    Gauge(&'static str),
}

struct MetricNames {
    throughput: Throughput,
    running: &'static str,
    waiting: &'static str,
    /// Newest name first; the others are those of older versions.
    cache: &'static [&'static str],
    acceptance: AcceptanceRate,
}

fn names(engine: Engine) -> Option<MetricNames> {
    Some(match engine {
        Engine::Sglang => MetricNames {
            throughput: Throughput::Gauge("sglang:gen_throughput"),
            running: "sglang:num_running_reqs",
            waiting: "sglang:num_queue_reqs",
            cache: &["sglang:token_usage"],
            acceptance: AcceptanceRate::Gauge("sglang:spec_accept_rate"),
        },
        Engine::Vllm => MetricNames {
            throughput: Throughput::Counter("vllm:generation_tokens_total"),
            running: "vllm:num_requests_running",
            waiting: "vllm:num_requests_waiting",
            cache: &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
            acceptance: AcceptanceRate::Counters(
                "vllm:spec_decode_num_accepted_tokens_total",
                "vllm:spec_decode_num_draft_tokens_total",
            ),
        },
        Engine::LlamaServer => MetricNames {
            throughput: Throughput::Counter("llamacpp:tokens_predicted_total"),
            running: "llamacpp:requests_processing",
            waiting: "llamacpp:requests_deferred",
            // Later versions do not report it.
            cache: &["llamacpp:kv_cache_usage_ratio"],
            acceptance: AcceptanceRate::Counters(
                "llamacpp:spec_decode_num_accepted_tokens_total",
                "llamacpp:spec_decode_num_draft_tokens_total",
            ),
        },
        Engine::Ollama => return None,
    })
}

/// Whether the engine has metrics.
pub(crate) fn has_metrics(engine: Engine) -> bool {
    names(engine).is_some()
}

/// One sample line, without its labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample<'a> {
    pub name: &'a str,
    pub value: f64,
}

/// Every sample of the Prometheus text format, version 0.0.4. Other lines are skipped.
pub(crate) fn parse(text: &str) -> Vec<Sample<'_>> {
    text.lines().filter_map(sample).collect()
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|letter: char| !(letter.is_ascii_alphanumeric() || "_:".contains(letter)))?;
    let (name, rest) = line.split_at(end);
    let rest = if rest.starts_with('{') { &rest[labels(rest)?..] } else { rest };
    // A timestamp may follow.
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then_some(Sample { name, value })
}

/// End of the labels. A brace inside quotes does not end them.
fn labels(text: &str) -> Option<usize> {
    let (mut inside, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'}' if !inside => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn aggregate(samples: &[Sample<'_>], name: &str, join: impl Fn(f64, f64) -> f64) -> Option<f64> {
    let named = samples.iter().filter(|it| it.name == name && it.value.is_finite());
    named.map(|it| it.value).reduce(join)
}

/// Points over time, and the counters of the last one.
#[derive(Debug, Default)]
pub(crate) struct Series {
    points: VecDeque<Point>,
    counters: Counters,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    tokens: Option<f64>,
    accepted: Option<f64>,
    drafted: Option<f64>,
}

impl Series {
    /// Adds a point from a metrics response, `seconds` after the last one.
    pub(crate) fn add(&mut self, engine: Engine, text: &str, seconds: f64) -> Option<Point> {
        let names = names(engine)?;
        let samples = parse(text);
        // Each rank reports its own requests and tokens.
        let sum = |name: &str| aggregate(&samples, name, |a, b| a + b);
        let max = |name: &str| aggregate(&samples, name, f64::max);
        let before = self.counters;
        let growth = |now: Option<f64>, before: Option<f64>| Some((now? - before?).max(0.0));
        let tokens_per_second = match names.throughput {
            // The gauge keeps its last value while the engine is idle.
            Throughput::Gauge(name) => {
                sum(name).map(|now| if sum(names.running) == Some(0.0) { 0.0 } else { now })
            }
            Throughput::Counter(name) => {
                self.counters.tokens = sum(name);
                growth(self.counters.tokens, before.tokens)
                    .filter(|_| seconds > 0.0)
                    .map(|tokens| tokens / seconds)
            }
        };
        let accepted = match names.acceptance {
            AcceptanceRate::Gauge(name) => max(name).filter(|&share| share > 0.0),
            AcceptanceRate::Counters(accepted, drafted) => {
                (self.counters.accepted, self.counters.drafted) = (sum(accepted), sum(drafted));
                let drafted = growth(self.counters.drafted, before.drafted).filter(|&drafted| drafted > 0.0);
                growth(self.counters.accepted, before.accepted)
                    .zip(drafted)
                    .map(|(accepted, drafted)| accepted / drafted)
            }
        };
        let point = Point {
            tokens_per_second,
            running: sum(names.running),
            waiting: sum(names.waiting),
            cache: names.cache.iter().find_map(|name| max(name)),
            accepted,
        };
        self.points.push_back(point);
        if self.points.len() > POINTS {
            self.points.pop_front();
        }
        Some(point)
    }

    pub(crate) fn points(&self) -> Vec<Point> {
        self.points.iter().copied().collect()
    }

    /// A restarted server counts from zero.
    pub(crate) fn reset_counters(&mut self) {
        self.counters = Counters::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_format_is_read_with_its_oddities() {
        let text = "# HELP a_b words\n# TYPE a_b gauge\na_b 1\n a:b{x=\"}\\\"{\",y=\"2\"} 2.5e1 1700000000\n\
                    c_total{} +Inf\nd NaN\nnot a sample\ne{x=\"1\n";
        let read: Vec<_> = parse(text).into_iter().map(|it| (it.name, it.value)).collect();
        assert_eq!(read[..3], [("a_b", 1.0), ("a:b", 25.0), ("c_total", f64::INFINITY)]);
        assert!(read[3].0 == "d" && read[3].1.is_nan());
        assert_eq!(read.len(), 4);
    }

    #[test]
    fn vllm_s_totals_become_speeds_and_shares() {
        let text = |tokens: u32, taken: u32, drafted: u32| {
            format!(
                "vllm:num_requests_running{{engine=\"0\"}} 2.0\nvllm:num_requests_running{{engine=\"1\"}} 1.0\n\
                 vllm:num_requests_waiting{{engine=\"0\"}} 4.0\nvllm:kv_cache_usage_perc{{engine=\"0\"}} 0.25\n\
                 vllm:generation_tokens_total{{engine=\"0\"}} {tokens}.0\n\
                 vllm:spec_decode_num_accepted_tokens_total{{engine=\"0\"}} {taken}.0\n\
                 vllm:spec_decode_num_draft_tokens_total{{engine=\"0\"}} {drafted}.0\n"
            )
        };
        let mut series = Series::default();
        let first = series.add(Engine::Vllm, &text(100, 0, 0), 2.0).expect("is told");
        assert_eq!((first.tokens_per_second, first.running, first.cache), (None, Some(3.0), Some(0.25)));
        let second = series.add(Engine::Vllm, &text(180, 30, 40), 2.0).expect("is told");
        assert_eq!(
            (second.tokens_per_second, second.waiting, second.accepted),
            (Some(40.0), Some(4.0), Some(0.75))
        );
        // After a restart the throughput is not negative.
        assert_eq!(
            series.add(Engine::Vllm, &text(0, 0, 0), 2.0).expect("is told").tokens_per_second,
            Some(0.0)
        );
        assert_eq!(series.points().len(), 3);
    }

    #[test]
    fn each_engine_has_its_own_names() {
        let sglang = "sglang:gen_throughput{tp_rank=\"0\"} 55.5\nsglang:num_running_reqs 1\nsglang:num_queue_reqs 0\n\
                      sglang:token_usage 0.1\nsglang:spec_accept_rate 0.8\n";
        let point = Series::default().add(Engine::Sglang, sglang, 1.0).expect("is told");
        let values = (point.tokens_per_second, point.running, point.waiting, point.cache, point.accepted);
        assert_eq!(values, (Some(55.5), Some(1.0), Some(0.0), Some(0.1), Some(0.8)));
        let mut llama = Series::default();
        llama.add(Engine::LlamaServer, "llamacpp:tokens_predicted_total 10\n", 1.0);
        let point =
            llama.add(Engine::LlamaServer, "llamacpp:tokens_predicted_total 15\n", 1.0).expect("is told");
        assert_eq!((point.tokens_per_second, point.cache), (Some(5.0), None));
        assert_eq!(Series::default().add(Engine::Ollama, "a 1", 1.0), None);
        assert!(!has_metrics(Engine::Ollama));
    }
}
