"""A repository in which a person commits, with a made-up key that a hook should refuse."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.cli.people import PHASEGATE, SCRIPTS, as_person
from tests.policy.secret_samples import Draw, checksummed

KEY = checksummed("gh" + "p_")(Draw("hooks"))[1]


class Repository:
    """A repository without phasegate, and a person in it."""

    def __init__(self, base: Path, root: Path | None = None) -> None:
        self.base, self.root = base, root or base / "repository"
        self.env = {
            "HOME": str(base), "XDG_STATE_HOME": str(base / "state"), "GIT_CONFIG_NOSYSTEM": "1",
            "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
        }  # fmt: skip
        if root is None:
            self.root.mkdir()
            (base / ".gitconfig").write_text("[user]\n\tname = A\n\temail = a@example.org\n")
            self.git("init", "-q", "-b", "main")
            self.write("a.txt", "1\n")
            self.commit()

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=self.root, env=self.env, check=check, capture_output=True, text=True
        )

    def write(self, path: str, text: str | bytes, mode: int = 0o644) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        target.chmod(mode)
        return target

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "state")

    def phasegate(self, *words: str) -> subprocess.CompletedProcess[str]:
        return as_person([PHASEGATE, *words], self.root, self.env)

    def hooked(self) -> str:
        done = self.phasegate("init", "--yes", "--no-baseline", "--allow-ephemeral", "--git-hooks")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def commits_secret(self, path: str = "leak.py") -> subprocess.CompletedProcess[str]:
        self.write(path, f"K = '{KEY}'\n")
        self.git("add", path)
        done = self.git("commit", "-q", "-m", "leak", check=False)
        self.git("reset", "-q", "--", path)
        (self.root / path).unlink()
        return done

    def refuses(self, path: str = "leak.py") -> bool:
        done = self.commits_secret(path)
        assert KEY not in done.stdout + done.stderr
        return done.returncode != 0 and "looks like github-token" in done.stdout + done.stderr

    def commits_clean(self) -> bool:
        self.write("clean.py", f"X = {os.urandom(4).hex()!r}\n")
        self.git("add", "clean.py")
        return self.git("commit", "-q", "-m", "clean", check=False).returncode == 0

    def ran(self) -> int:
        path = self.base / "ran"
        return len(path.read_text().splitlines()) if path.exists() else 0
