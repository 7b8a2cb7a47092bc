//! The stream of watch.sh: pieces of the log and how the engine is. Knows no process; reads from whatever it is given.
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Longer than any line or piece that the script sends.
const PIECE_LIMIT: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Bytes of the log, and the byte of it to go on from.
    Log {
        bytes: Vec<u8>,
        next: u64,
    },
    /// With the time of the processor it has used, in ticks.
    Runs {
        used: u64,
    },
    Ended {
        code: i32,
    },
    /// No such process, and nothing that says how it ended.
    Gone,
    /// It was asked to end, here or elsewhere.
    Stopped,
}

pub(crate) struct Watching<R> {
    from: BufReader<R>,
}

impl<R: AsyncRead + Unpin> Watching<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from: BufReader::new(from) }
    }

    /// The next thing seen; nothing when the stream ended or was not one of the script.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        let mut line = String::new();
        let read = (&mut self.from).take(256).read_line(&mut line).await.ok()?;
        if read == 0 {
            return None;
        }
        let mut words = line.split_ascii_whitespace();
        match (words.next()?, words.next()?, words.next()?) {
            ("L", size, next) => {
                let size: usize = size.parse().ok().filter(|&size| size <= PIECE_LIMIT)?;
                let mut bytes = vec![0; size];
                self.from.read_exact(&mut bytes).await.ok()?;
                Some(Seen::Log { bytes, next: next.parse().ok()? })
            }
            ("S", "run", used) => Some(Seen::Runs { used: used.parse().ok()? }),
            ("S", "end", code) => Some(Seen::Ended { code: code.parse().ok()? }),
            ("S", "gone", _) => Some(Seen::Gone),
            ("S", "stop", _) => Some(Seen::Stopped),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn log_and_states_are_told_apart_whatever_the_log_holds() {
        let stream = b"S run 7\nL 12 40\nS end 0\n\xffab\nS end 127\nS gone 0\nS stop 0\n";
        let mut watching = Watching::new(&stream[..]);
        let mut seen = Vec::new();
        while let Some(one) = watching.next().await {
            seen.push(one);
        }
        let log = Seen::Log { bytes: b"S end 0\n\xffab\n".to_vec(), next: 40 };
        assert_eq!(seen, [Seen::Runs { used: 7 }, log, Seen::Ended { code: 127 }, Seen::Gone, Seen::Stopped]);
        for odd in ["L 99999999999 1\n", "L 5 5\nab", "welcome to this machine\n", "S\n"] {
            assert_eq!(Watching::new(odd.as_bytes()).next().await, None, "{odd}");
        }
    }
}
