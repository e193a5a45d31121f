"""The commit in a manifest is read without git, however the checkout came about."""

import shutil
import subprocess

import pytest

from groundup.run.manifest import commit_of

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


def git(folder, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


@pytest.mark.parametrize("after", [["pack-refs", "--all"], ["checkout", "-q", "--detach"], ["gc", "-q"], ["status"]])
def test_the_commit_is_the_one_git_names(checkout, after):
    git(checkout, *after)
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD")


def test_a_worktree_has_its_own_commit(checkout):
    git(checkout, "worktree", "add", "-q", "-b", "other", "../other")
    git(checkout.parent / "other", "commit", "-q", "--allow-empty", "-m", "second")
    assert commit_of(checkout.parent / "other") == git(checkout.parent / "other", "rev-parse", "HEAD")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD") != commit_of(checkout.parent / "other")
