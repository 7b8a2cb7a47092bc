//! The embedded kernels: a text list `target name packed plain`, an empty line, then the files of the list,
//! each deflated. `target` is `sm_80` and so on, or `ptx` for cards that came later than this compiler.
use std::io::Read;

use flate2::read::DeflateDecoder;

use crate::error::Capability;

static EMBEDDED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernels.bin"));
/// The targets that cubins are made for, with the oldest capability that each runs on. One runs on later
/// cards of its generation too, but for `90a`, which is Hopper alone.
const TARGETS: &[(&str, Capability)] = &[
    ("sm_80", Capability { major: 8, minor: 0 }),
    ("sm_86", Capability { major: 8, minor: 6 }),
    ("sm_89", Capability { major: 8, minor: 9 }),
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
        let mut images = Vec::new();
        let mut at = 0;
        for line in self.list.lines() {
            let mut words = line.split(' ');
            let mut word = || words.next().ok_or_else(|| format!("the list of kernels says '{line}'"));
            let (target, _name) = (word()?, word()?);
            let mut number = || word()?.parse::<usize>().map_err(|error| format!("'{line}': {error}"));
            let (packed, plain) = (number()?, number()?);
            if target == wanted {
                let bytes = self.files.get(at..at + packed).ok_or("the embedded kernels are cut short")?;
                let mut image = Vec::with_capacity(plain + 1);
                DeflateDecoder::new(bytes).read_to_end(&mut image).map_err(|error| error.to_string())?;
                image.push(0);
                images.push(image);
            }
            at += packed;
        }
        match images.is_empty() {
            true => Err(format!("no kernels for {wanted} are embedded")),
            false => Ok(images),
        }
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

    use super::*;

    fn capability(major: u32, minor: u32) -> Capability {
        Capability { major, minor }
    }

    #[test]
    fn a_card_gets_the_newest_target_of_its_generation() {
        for (major, minor, expect) in [
            (8, 0, "sm_80"),
            (8, 6, "sm_86"),
            (8, 7, "sm_86"),
            (8, 9, "sm_89"),
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
        let deflated = |bytes: &[u8]| {
            let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            writer.write_all(bytes).and_then(|()| writer.finish()).expect("memory takes it")
        };
        let (a, b, c) = (deflated(b"first"), deflated(b"second"), deflated(b"third"));
        let mut file =
            format!("sm_80 x {} 5\nptx x {} 6\nsm_80 y {} 5\n\n", a.len(), b.len(), c.len()).into_bytes();
        for part in [&a, &b, &c] {
            file.extend(part);
        }
        let of = |bytes: &[u8], major| Images::parse(bytes).expect("a list").of(capability(major, 0));
        assert_eq!(of(&file, 8), Ok(vec![b"first\0".to_vec(), b"third\0".to_vec()]));
        assert_eq!(of(&file, 10), Ok(vec![b"second\0".to_vec()]));
        assert!(of(&file, 9).is_err_and(|error| error.contains("sm_90a")));
        file.pop();
        assert!(of(&file, 8).is_err());
        assert!(Images::parse(b"").is_none());
    }
}
