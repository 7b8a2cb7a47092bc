"""The official Hugging Face client against the test hub: python hugging_face.py ENDPOINT REPOSITORY FOLDER

FOLDER is what the repository was made of; every file has to arrive byte for byte.
"""
import os
import sys
import tempfile

endpoint, repository, folder = sys.argv[1:4]
# Read when the package is imported, so they come first. The test hub has no Xet storage, as mirrors have none.
os.environ["HF_ENDPOINT"] = endpoint
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HOME"] = tempfile.mkdtemp()

import huggingface_hub  # noqa: E402

from same import check_same  # noqa: E402

api = huggingface_hub.HfApi()
info = api.model_info(repository, files_metadata=True)
names = sorted(sibling.rfilename for sibling in info.siblings)

# Pages of the tree are followed, and each entry says the same as the model information.
tree = {entry.path: entry for entry in api.list_repo_tree(repository, recursive=True)}
assert sorted(tree) == names, (sorted(tree), names)
for sibling in info.siblings:
    entry = tree[sibling.rfilename]
    assert (entry.size, entry.blob_id) == (sibling.size, sibling.blob_id), entry
    assert (entry.lfs and entry.lfs.sha256) == (sibling.lfs and sibling.lfs.sha256), entry
assert tree["model.safetensors"].lfs and not tree["config.json"].lfs
assert [found.path for found in api.get_paths_info(repository, ["config.json"])] == ["config.json"]

# A search, with the fields that the app reads.
[hit] = api.list_models(search=repository.split("/")[1], limit=5, full=True)
assert (hit.id, hit.gated, info.gated) == (repository, False, False), hit
assert "license:mit" in hit.tags and hit.tags == info.tags, hit.tags
assert list(api.list_models(search="nothing like it", limit=5)) == []

# The redirect to the storage, as a client sees it.
url = huggingface_hub.hf_hub_url(repository, "model.safetensors")
large = huggingface_hub.get_hf_file_metadata(url)
assert large.commit_hash == info.sha and large.etag == tree["model.safetensors"].lfs.sha256, large
assert large.location.startswith("http://localhost:"), large.location

snapshot = huggingface_hub.snapshot_download(repository)
check_same(snapshot, folder, names)
# A file of the cache has the hash of the source as its name, by which the app finds it.
for name, entry in tree.items():
    blob = os.path.basename(os.path.realpath(os.path.join(snapshot, name)))
    assert blob == (entry.lfs.sha256 if entry.lfs else entry.blob_id), (name, blob)
with tempfile.TemporaryDirectory() as local:
    check_same(huggingface_hub.snapshot_download(repository, revision=info.sha, local_dir=local), folder, names)

from huggingface_hub import errors  # noqa: E402

for call, expected in [
    (lambda: api.model_info("nobody/nothing"), errors.RepositoryNotFoundError),
    (lambda: api.model_info(repository, revision="0" * 40), errors.RevisionNotFoundError),
    (lambda: huggingface_hub.hf_hub_download(repository, "nothing.json"), errors.RemoteEntryNotFoundError),
]:
    try:
        call()
    except expected:
        pass
    else:
        raise AssertionError(f"{expected.__name__} should have come")
print("the official Hugging Face client is served")
