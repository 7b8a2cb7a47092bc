//! What a model outside the catalogue is called: as the catalogue calls it where its files are a model of the
//! catalogue, else as its metadata does, else as its file or folder.
use catalog::{Catalog, KvCache};
use checkpoint::gguf::About;

use super::{CacheShape, ModelFileFacts};

impl ModelFileFacts {
    /// Names the model, and finds what the catalogue knows of it. `place` is the name of its file, folder or
    /// repository.
    pub(crate) fn identify(&mut self, about: &About, place: &str) {
        let mut names: Vec<String> = about.name.iter().chain(&about.joined_names).cloned().collect();
        names.push(place.to_owned());
        let known = Catalog::builtin().known_as(&names, self.kv_cache(), self.params_total);
        // The name of a file often ends with its precision, and says more: "Q4_K_M" is a mixture of Q4_K.
        self.precision = super::precision_label(place, &self.precision);
        self.known_as = known.map(|model| model.id.clone());
        self.name = match (known, &about.name) {
            (Some(model), _) => model.name.clone(),
            (None, Some(name)) => name.clone(),
            (None, None) => place.to_owned(),
        };
    }

    pub(crate) fn kv_cache(&self) -> KvCache {
        match self.cache {
            CacheShape::Latent { width, rope } => KvCache::Mla { layers: self.layers, width, rope },
            CacheShape::Heads { kv_heads, head_dim } => {
                KvCache::Gqa { layers: self.layers, kv_heads, head_dim }
            }
        }
    }
}
