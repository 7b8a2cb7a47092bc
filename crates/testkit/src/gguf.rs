//! A GGUF file as lists of keys and tensors, to modify and write again: in shards, without a key, with
//! another architecture. For valid files only; readers test malformed ones themselves.

const ALIGNMENT: usize = 32;
const TEXT: u32 = 8;
const U16: u32 = 2;
const I32: u32 = 5;
/// The ggml type of plain numbers.
const F32: u32 = 0;

#[derive(Clone)]
pub struct TestGguf {
    /// Name, type and bytes of the value.
    pub keys: Vec<(String, u32, Vec<u8>)>,
    pub tensors: Vec<GgufTensor>,
}

#[derive(Clone)]
pub struct GgufTensor {
    pub name: String,
    pub sizes: Vec<u64>,
    /// The number of the ggml type.
    pub kind: u32,
    pub data: Vec<u8>,
}

impl TestGguf {
    /// # Panics
    /// When the file is invalid.
    pub fn read(file: &[u8]) -> Self {
        let mut cursor = Cursor { file, at: 8 };
        let (tensor_count, key_count) = (cursor.u64(), cursor.u64());
        let mut keys = Vec::new();
        for _ in 0..key_count {
            let (name, kind) = (cursor.text(), cursor.u32());
            let from = cursor.at;
            cursor.skip(kind);
            keys.push((name, kind, file[from..cursor.at].to_vec()));
        }
        let mut infos = Vec::new();
        for _ in 0..tensor_count {
            let name = cursor.text();
            let dimensions = cursor.u32();
            let sizes: Vec<u64> = (0..dimensions).map(|_| cursor.u64()).collect();
            infos.push((name, sizes, cursor.u32(), cursor.u64() as usize));
        }
        let data = &file[cursor.at.next_multiple_of(ALIGNMENT)..];
        let mut ends: Vec<usize> = infos.iter().map(|info| info.3).chain([data.len()]).collect();
        ends.sort_unstable();
        let tensors = infos.into_iter().map(|(name, sizes, kind, from)| {
            // Includes the padding after it, which is harmless.
            let end = *ends.iter().find(|end| **end > from).expect("a tensor has bytes");
            GgufTensor { name, sizes, kind, data: data[from..end].to_vec() }
        });
        Self { keys, tensors: tensors.collect() }
    }

    pub fn write(&self) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(3u32.to_le_bytes());
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.keys.len() as u64).to_le_bytes());
        for (name, kind, value) in &self.keys {
            file.extend(text(name));
            file.extend(kind.to_le_bytes());
            file.extend(value);
        }
        let mut offset = 0u64;
        for tensor in &self.tensors {
            file.extend(text(&tensor.name));
            file.extend((tensor.sizes.len() as u32).to_le_bytes());
            tensor.sizes.iter().for_each(|size| file.extend(size.to_le_bytes()));
            file.extend(tensor.kind.to_le_bytes());
            file.extend(offset.to_le_bytes());
            offset += tensor.data.len().next_multiple_of(ALIGNMENT) as u64;
        }
        for tensor in &self.tensors {
            file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
            file.extend(&tensor.data);
        }
        file
    }

    pub fn without(mut self, key: &str) -> Self {
        self.keys.retain(|(name, ..)| name != key);
        self
    }

    /// Sets a key to this text, in its old position where it exists.
    pub fn with_text(self, key: &str, value: &str) -> Self {
        self.with(key, TEXT, text(value))
    }

    pub fn with(mut self, key: &str, kind: u32, value: Vec<u8>) -> Self {
        match self.keys.iter_mut().find(|(name, ..)| name == key) {
            Some(entry) => (entry.1, entry.2) = (kind, value),
            None => self.keys.push((key.to_owned(), kind, value)),
        }
        self
    }

    /// The same model with the tokenizer of another file, and with as many random rows in its embeddings and
    /// its head. Both have to be F32.
    ///
    /// # Panics
    /// When one of them lacks them.
    pub fn with_tokenizer_of(mut self, other: &Self) -> Self {
        let rows = other.tensor("token_embd.weight").sizes[1];
        self.keys.retain(|(name, ..)| !name.starts_with("tokenizer."));
        let of_tokenizer = |(name, ..): &&(String, u32, Vec<u8>)| name.starts_with("tokenizer.");
        self.keys.extend(other.keys.iter().filter(of_tokenizer).cloned());
        let mut state = 7u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        for name in ["token_embd.weight", "output.weight"] {
            let tensor = self.tensors.iter_mut().find(|tensor| tensor.name == name).expect("has it");
            assert_eq!(tensor.kind, F32, "{name}");
            tensor.sizes[1] = rows;
            let count = tensor.sizes[0] * rows;
            tensor.data = (0..count).flat_map(|_| random().to_le_bytes()).collect();
        }
        self
    }

    fn tensor(&self, name: &str) -> &GgufTensor {
        self.tensors.iter().find(|tensor| tensor.name == name).expect("has it")
    }

    /// The same model in `count` files, as llama.cpp's gguf-split writes them: the first has the metadata.
    pub fn split(&self, count: usize) -> Vec<Vec<u8>> {
        let each = self.tensors.len().div_ceil(count);
        let shard = |number: usize| {
            let tensors = self.tensors.iter().skip(number * each).take(each).cloned().collect();
            let keys = if number == 0 { self.keys.clone() } else { Vec::new() };
            Self { keys, tensors }
                .with("split.no", U16, (number as u16).to_le_bytes().to_vec())
                .with("split.count", U16, (count as u16).to_le_bytes().to_vec())
                .with("split.tensors.count", I32, (self.tensors.len() as i32).to_le_bytes().to_vec())
                .write()
        };
        (0..count).map(shard).collect()
    }
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

struct Cursor<'a> {
    file: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.at += N;
        self.file[self.at - N..self.at].try_into().expect("so many bytes")
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn text(&mut self) -> String {
        let length = self.u64() as usize;
        self.at += length;
        String::from_utf8(self.file[self.at - length..self.at].to_vec()).expect("UTF-8")
    }

    fn skip(&mut self, kind: u32) {
        match kind {
            0 | 1 | 7 => self.at += 1,
            2 | 3 => self.at += 2,
            4..=6 => self.at += 4,
            10..=12 => self.at += 8,
            TEXT => drop(self.text()),
            9 => {
                let (kind, count) = (self.u32(), self.u64());
                (0..count).for_each(|_| self.skip(kind));
            }
            other => panic!("a value of type {other}"),
        }
    }
}
