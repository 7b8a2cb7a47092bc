"""The official ModelScope client against the test hub: python model_scope.py ENDPOINT REPOSITORY FOLDER

FOLDER is what the repository was made of; every file has to arrive byte for byte.
"""
import os
import sys
import tempfile

endpoint, repository, folder = sys.argv[1:4]
# Read when the package is imported, so they come first.
os.environ["MODELSCOPE_ENDPOINT"] = endpoint
os.environ["MODELSCOPE_CACHE"] = tempfile.mkdtemp()
os.environ["MODELSCOPE_HOME"] = tempfile.mkdtemp()

from modelscope import snapshot_download  # noqa: E402

from same import check_same, files_of  # noqa: E402

names = files_of(folder)
check_same(snapshot_download(repository), folder, names)
with tempfile.TemporaryDirectory() as local:
    check_same(snapshot_download(repository, revision="master", local_dir=local), folder, names)

# A search and the terms, with the fields that the app reads, by the interface for programs.
from modelscope_hub import HubApi  # noqa: E402

api = HubApi(endpoint=endpoint)
page = api.list_repos("model", search=repository.split("/")[1], page_size=5)
assert [(hit.repo_id, hit.license, hit.gated) for hit in page.items] == [(repository, "mit", False)], page
assert api.list_repos("model", search="nothing like it").items == []
info = api.get_repo(repository, "model")
assert (info.repo_id, info.license, info.gated) == (repository, "mit", False), info

try:
    snapshot_download("nobody/nothing")
except Exception as error:
    assert "404" in str(error) or "not found" in str(error).lower(), error
else:
    raise AssertionError("a repository that does not exist should be refused")
print("the official ModelScope client is served")
