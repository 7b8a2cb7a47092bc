//! The embedded kernels: a text list `target packed plain..`, an empty line, then for each target its files
//! behind one another, packed as XZ. `target` is `sm_80` and so on, or `ptx` for cards that came later than
//! this compiler.
use std::io::Read;

use lzma_rust2::XzReader;

use crate::error::Capability;

static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernels.bin"));
/// The targets that cubins are made for, with the oldest capability that each runs on. One runs on later
/// cards of its generation too, but for `90a`, which is Hopper alone.
const TARGETS: &[(&str, Capability)] = &[
    ("sm_80", Capability { major: 8, minor: 0 }),
    ("sm_90a", Capability { major: 9, minor: 0 }),
    ("sm_120", Capability { major: 12, minor: 0 }),
];

/// The list with the files behind it.
#[derive(Clone, Copy)]
pub struct Images<'a> {
    list: &'a str,
    files: &'a [u8],
}

/// What `build.rs` embedded, if anything.
pub fn embedded() -> Option<Images<'static>> {
    Images::parse(EMBEDDED)
}

impl<'a> Images<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let list = std::str::from_utf8(&bytes[..end]).ok()?;
        Some(Self { list, files: &bytes[end + 2..] })
    }

    /// Files for a card, decompressed, each ending with the zero that PTX needs.
    ///
    /// # Errors
    /// When the embedded file is damaged.
    pub fn of(self, capability: Capability) -> Result<Vec<Vec<u8>>, String> {
        let wanted = target(capability);
        let mut at = 0;
        for line in self.list.lines() {
            let mut words = line.split(' ');
            let target = words.next().unwrap_or_default();
            let numbers: Vec<usize> = words
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|error| format!("'{line}': {error}"))?;
            let (packed, files) = numbers.split_first().ok_or_else(|| format!("'{line}' has no sizes"))?;
            if target == wanted {
                let bytes = self.files.get(at..at + packed).ok_or("the embedded kernels are cut short")?;
                return unpack(bytes, files).map_err(|error| format!("the embedded kernels: {error}"));
            }
            at += packed;
        }
        Err(format!("no kernels for {wanted} are embedded"))
    }
}

fn unpack(packed: &[u8], sizes: &[usize]) -> std::io::Result<Vec<Vec<u8>>> {
    let mut reader = XzReader::new(packed, false);
    let mut files = Vec::with_capacity(sizes.len());
    for size in sizes {
        let mut file = vec![0; size + 1];
        reader.read_exact(&mut file[..*size])?;
        files.push(file);
    }
    // The checksum is behind the last byte.
    match reader.read(&mut [0])? {
        0 => Ok(files),
        _ => Err(std::io::Error::other("there is more than the list says")),
    }
}

/// The target of the list that runs on a card: the newest of its own generation, else PTX.
fn target(capability: Capability) -> &'static str {
    let runs = |since: Capability| since.major == capability.major && since.minor <= capability.minor;
    TARGETS.iter().rev().find(|(_, since)| runs(*since)).map_or("ptx", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lzma_rust2::{XzOptions, XzWriter};

    use super::*;

    fn capability(major: u32, minor: u32) -> Capability {
        Capability { major, minor }
    }

    #[test]
    fn a_card_gets_the_target_of_its_generation() {
        for (major, minor, expect) in [
            (8, 0, "sm_80"),
            (8, 6, "sm_80"),
            (8, 9, "sm_80"),
            (9, 0, "sm_90a"),
            (10, 0, "ptx"),
            (12, 0, "sm_120"),
            (12, 1, "sm_120"),
            (13, 0, "ptx"),
        ] {
            assert_eq!(target(capability(major, minor)), expect, "{major}.{minor}");
        }
    }

    #[test]
    fn files_come_back_and_damage_is_named() {
        let packed = |bytes: &[u8]| {
            let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).expect("options");
            writer.write_all(bytes).and_then(|()| writer.finish()).expect("memory takes it")
        };
        let (a, b) = (packed(b"firstsecond"), packed(b"third"));
        let mut file = format!("sm_80 {} 5 6\nptx {} 5\n\n", a.len(), b.len()).into_bytes();
        file.extend([a, b].concat());
        let of = |bytes: &[u8], major| Images::parse(bytes).expect("a list").of(capability(major, 0));
        assert_eq!(of(&file, 8), Ok(vec![b"first\0".to_vec(), b"second\0".to_vec()]));
        assert_eq!(of(&file, 10), Ok(vec![b"third\0".to_vec()]));
        assert!(of(&file, 9).is_err_and(|error| error.contains("sm_90a")));
        file.pop();
        assert!(of(&file, 10).is_err());
        assert!(Images::parse(b"").is_none());
    }
}
