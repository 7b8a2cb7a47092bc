//! Parses the output of watch.sh: pieces of the log and the state of the engine. Knows no process; reads from
//! any stream.
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Bytes; more than any piece of the log that the script sends.
const PIECE_LIMIT: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observation {
    /// Bytes of the log, and the offset to continue from.
    Log {
        bytes: Vec<u8>,
        next: u64,
    },
    /// The engine runs and has used so much processor time, in ticks.
    Running {
        cpu_ticks: u64,
    },
    Exited {
        code: i32,
    },
    /// The process does not exist and left no exit code.
    Gone,
    /// It was asked to stop, by this program or another.
    Stopped,
}

pub(crate) struct ObservationStream<R> {
    reader: BufReader<R>,
}

impl<R: AsyncRead + Unpin> ObservationStream<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader) }
    }

    /// The next observation; `None` at the end of the stream and at output that is not the script's.
    pub(crate) async fn next(&mut self) -> Option<Observation> {
        let mut line = String::new();
        let read = (&mut self.reader).take(256).read_line(&mut line).await.ok()?;
        if read == 0 {
            return None;
        }
        let mut fields = line.split_ascii_whitespace();
        match (fields.next()?, fields.next()?, fields.next()?) {
            ("L", size, next) => {
                let size: usize = size.parse().ok().filter(|&size| size <= PIECE_LIMIT)?;
                let mut bytes = vec![0; size];
                self.reader.read_exact(&mut bytes).await.ok()?;
                Some(Observation::Log { bytes, next: next.parse().ok()? })
            }
            ("S", "run", ticks) => Some(Observation::Running { cpu_ticks: ticks.parse().ok()? }),
            ("S", "end", code) => Some(Observation::Exited { code: code.parse().ok()? }),
            ("S", "gone", _) => Some(Observation::Gone),
            ("S", "stop", _) => Some(Observation::Stopped),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn log_and_states_are_told_apart_whatever_the_log_holds() {
        let output = b"S run 7\nL 12 40\nS end 0\n\xffab\nS end 127\nS gone 0\nS stop 0\n";
        let mut stream = ObservationStream::new(&output[..]);
        let mut all = Vec::new();
        while let Some(one) = stream.next().await {
            all.push(one);
        }
        let log = Observation::Log { bytes: b"S end 0\n\xffab\n".to_vec(), next: 40 };
        assert_eq!(
            all,
            [
                Observation::Running { cpu_ticks: 7 },
                log,
                Observation::Exited { code: 127 },
                Observation::Gone,
                Observation::Stopped
            ]
        );
        for odd in ["L 99999999999 1\n", "L 5 5\nab", "welcome to this machine\n", "S\n"] {
            assert_eq!(ObservationStream::new(odd.as_bytes()).next().await, None, "{odd}");
        }
    }
}
