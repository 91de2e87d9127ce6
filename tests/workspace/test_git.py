"""Whatever programs a repository's own configuration names, looking at it starts none of them."""

from __future__ import annotations

from pathlib import Path

from phasegate.workspace import git, listing
from phasegate.workspace.branches import Repository as AsItsUser
from tests.workspace.git_repository import Repository


def test_looking_at_a_repository_starts_nothing_that_its_configuration_names(tmp_path: Path) -> None:
    repository, ran = Repository(tmp_path / "theirs"), tmp_path / "ran"
    repository.write("a.py")
    repository.commit()
    for name in ("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "diff.external", "gpg.program"):
        repository.git("config", name, f"touch {ran}; false")
    where = git.locate(str(repository.root))
    repository.write("b.py")
    assert listing.paths(where) == ("a.py", "b.py")
    assert AsItsUser(where.root, str(tmp_path)).dirty() == ("b.py",)
    assert not ran.exists()
