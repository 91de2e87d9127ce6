"""A branch and a work tree of its own for a drive: made from a commit, given its environment, committed phase by phase.

These are the only writes into the user's repository; git runs as the user would run it, with their hooks and identity.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from phasegate.errors import Exit, Failure
from phasegate.workspace import git
from phasegate.workspace.names import Names

COMMIT_SECONDS = 900.0
"""A pre-commit hook may run linters over the whole tree."""

SAID = 1500

ASIDE = "refs/phasegate/aside"
"""Below it, by branch, what is being set aside just now."""


class NoCommit(Failure):
    """The repository has no commit that a branch could begin at."""

    code = "no-commit"


class NoIdentity(Failure):
    """git does not know in whose name to commit."""

    code = "no-identity"


class CommitHeld(Failure):
    """The repository's own hooks, or git, refused the commit, or changed what was to be committed."""

    code = "commit-held"
    exit_code = Exit.WAITING_FOR_PERSON


class BranchGone(Failure):
    """The work tree of a drive is not on the branch of that drive."""

    code = "branch-gone"
    exit_code = Exit.CANNOT_TELL


def users_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's own, for their hooks and signing keys, less GIT_* of whoever called us; nothing is ever asked."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": ":", "LC_ALL": "C.UTF-8"} | dict(extra or {})


class Repository:
    """git in one work tree, as its user would run it; paths are named as in the project at `root`.

    `prefix` is where that lies in the work tree, as in `git.Place`.
    """

    def __init__(self, root: str, scratch: str, prefix: str = "") -> None:
        self.root = root
        self._top = root[: -len(prefix)] if prefix else root
        self._names = Names(prefix)
        self._scratch = scratch

    def run(self, *arguments: str, given: bytes = b"", accept: Sequence[int] = (0,), seconds: float = 120.0) -> git.Ran:
        """Run git at the root of the work tree; paths are relative to that."""
        return git.run(
            ("-C", self._top, *arguments), environment=users_environment(), scratch=self._scratch, given=given,
            accept=accept, seconds=seconds,
        )  # fmt: skip

    def said(self, *arguments: str) -> str:
        """The one line git prints."""
        return self.run(*arguments).output.decode("utf-8", "surrogateescape").strip()

    # --- looking ------------------------------------------------------------------------------------------------------

    def head(self) -> str:
        """The commit the work tree is at."""
        ran = self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", accept=(0, 1, 128))
        if ran.status:
            raise NoCommit("There is no commit yet that a branch could begin at.", hint="Commit what you have first.")
        return ran.output.decode().strip()

    def branch(self) -> str:
        """The branch the work tree is on; "" when HEAD is detached."""
        return self.run("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1)).output.decode().strip()

    def dirty(self) -> tuple[str, ...]:
        """The paths that differ from the commit, untracked ones included."""
        listing = self.run("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames").output
        return tuple(self._names.name(os.fsdecode(entry[3:])) for entry in listing.split(b"\0") if entry)

    def refuse_nameless(self) -> None:
        """Raise `NoIdentity` when a commit would fail for want of a name."""
        if self.run("var", "GIT_AUTHOR_IDENT", accept=(0, 1, 128)).status:
            raise NoIdentity(
                "git does not know in whose name to commit.",
                hint='Set it once: `git config user.name "NAME"` and `git config user.email ADDRESS`.',
            )

    def ignored(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Those of `paths` that git ignores here."""
        given = b"".join(os.fsencode(self._names.path(path)) + b"\0" for path in paths)
        listing = self.run("check-ignore", "-z", "--stdin", given=given, accept=(0, 1)).output
        return tuple(self._names.name(os.fsdecode(path)) for path in listing.split(b"\0") if path)

    # --- a work tree of its own ---------------------------------------------------------------------------------------

    def add_tree(self, path: str, branch: str, base: str) -> None:
        """A new work tree at `path`, on a new branch that begins at `base`."""
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self.run("worktree", "add", "-q", "-b", branch, path, base, seconds=600.0)

    def remove_tree(self, path: str, branch: str) -> None:
        """Take a work tree and its branch away; what was not committed there is lost."""
        self.run("worktree", "remove", "--force", "--force", path, accept=(0, 128))
        self.run("worktree", "prune")
        self.run("branch", "-q", "-D", branch, accept=(0, 1))

    # --- committing ---------------------------------------------------------------------------------------------------

    def commit(self, message: str, *, without: Sequence[str] = (), shown: Mapping[str, bytes] | None = None) -> str:
        """Commit the work tree as it is, and return the commit; "" when nothing differs.

        `without` are pathspecs to leave out; `shown` are files of which the commit holds this content instead. Raises
        `CommitHeld`, with the work tree and the branch as before.
        """
        self._add_all(without)
        held = {self._names.path(name): content for name, content in (shown or {}).items()}
        for path, content in held.items():
            self._stage(path, content)
        if self.run("diff", "--cached", "--quiet", accept=(0, 1)).status == 0:
            return ""
        before, tree = self.head(), self.said("write-tree")
        ran = self.run(
            "commit", "-q", "--cleanup=whitespace", "-F", "-", given=message.encode(), accept=range(256),
            seconds=COMMIT_SECONDS,
        )  # fmt: skip
        if ran.status:
            self._as_staged(tree, held)
            said = (ran.output.decode("utf-8", "replace") + ran.errors).strip()
            raise CommitHeld(
                f"git or a hook of this repository refused the commit: {said[-SAID:] or f'exit code {ran.status}'}",
                hint="Mend it in the work tree of the drive, then `phasegate drive` commits it.",
            )
        if self.said("rev-parse", "HEAD^{tree}") != tree:
            self.run("reset", "--soft", before)
            self.run("read-tree", tree)
            self._as_staged(tree, held)
            raise CommitHeld(
                "A hook of this repository changed what was to be committed, which is no longer what was proved.",
                hint="Run that hook yourself in the work tree of the drive, then `phasegate drive` again.",
            )
        return self.head()

    def set_aside(self, branch: str, message: str, *, without: Sequence[str] = ()) -> str:
        """Keep what differs from the commit on a branch of its own, and make the work tree as the commit has it.

        `without` are pathspecs to leave alone. Returns the commit; "" when nothing differed. Whoever is killed in the
        middle is gone on with by the next call, until `settled` says that it is over.
        """
        kept = self._begun(branch) or self._kept(branch, message, without)
        if kept:
            listing = self.run("diff", "--no-renames", "--name-status", "-z", "HEAD", kept).output.split(b"\0")
            changes = list(zip(listing[::2], listing[1::2], strict=False))
            self._each("rm", ["-q", "-f", "--ignore-unmatch"], [path for status, path in changes if status == b"A"])
            self._each("checkout", ["-q", "HEAD"], [path for status, path in changes if status != b"A"])
        return kept

    def settled(self, branch: str) -> None:
        """What was set aside is recorded: a later call begins anew."""
        self.run("update-ref", "-d", f"{ASIDE}/{branch}", accept=(0, 1, 128))

    def _begun(self, branch: str) -> str:
        """The commit that an interrupted `set_aside` made of the whole of the work; the tree may be half as before."""
        ran = self.run("rev-parse", "--verify", "--quiet", f"{ASIDE}/{branch}^{{commit}}", accept=(0, 1, 128))
        return ran.output.decode().strip()

    def _kept(self, branch: str, message: str, without: Sequence[str]) -> str:
        self._add_all(without)
        if self.run("diff", "--cached", "--quiet", "HEAD", accept=(0, 1)).status == 0:
            return ""
        commit = self.run("commit-tree", self.said("write-tree"), "-p", "HEAD", given=message.encode())
        kept = commit.output.decode().strip()
        self.run("branch", "--force", "--no-track", branch, kept)
        self.run("update-ref", f"{ASIDE}/{branch}", kept)
        return kept

    def bring_back(self, branch: str) -> bool:
        """Do in the work tree what the one commit of `branch` did; False, with nothing done, when it conflicts."""
        if self.run("cherry-pick", "--no-commit", branch, accept=range(256)).status == 0:
            self.run("reset", "-q")
            return True
        self.run("cherry-pick", "--abort", accept=range(256))
        self.run("reset", "-q", "--merge", accept=range(256))
        return False

    def take(self, commit: str, paths: Sequence[bytes]) -> None:
        """Write `paths` into the work tree as `commit` has them."""
        self._each("checkout", ["-q", commit], paths)
        self.run("reset", "-q")

    def _add_all(self, without: Sequence[str]) -> None:
        self._unhide()
        self.run("add", "--all", "--", ".", *(f":(exclude){self._names.path(name)}" for name in without))

    def _unhide(self) -> None:
        """Let git see every file that is there: an entry may say "assume unchanged" or "not in this work tree"."""
        listing = self.run("ls-files", "-v", "-z").output.split(b"\0")
        hidden = [entry[2:] for entry in listing if entry[:1] == b"S" or entry[:1].islower()]
        there = [path for path in hidden if os.path.lexists(os.path.join(os.fsencode(self._top), path))]
        if there:
            given = b"".join(path + b"\0" for path in there)
            self.run("update-index", "--no-assume-unchanged", "-z", "--stdin", given=given)
            self.run("update-index", "--no-skip-worktree", "-z", "--stdin", given=given)

    def _each(self, verb: str, options: Sequence[str], paths: Sequence[bytes]) -> None:
        if paths:
            given = b"\0".join(paths)
            self.run(verb, *options, "--pathspec-from-file=-", "--pathspec-file-nul", given=given)

    def _stage(self, path: str, content: bytes) -> None:
        entry = self.run("ls-files", "--stage", "-z", "--", path).output
        mode = entry[:6].decode() or "100644"
        blob = self.run("hash-object", "-w", "--stdin", "--path", path, given=content).output.decode().strip()
        self.run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}")

    def _as_staged(self, tree: str, shown: Mapping[str, bytes]) -> None:
        """Put back what a hook changed in the work tree before it refused."""
        changed = self.run("diff", "--name-only", "-z", tree).output.split(b"\0")
        names = [os.fsdecode(name) for name in changed if name and os.fsdecode(name) not in shown]
        if names:
            self.run("checkout", "-q", tree, "--", *names)

    def push(self, branch: str) -> str:
        """Push the branch to where git pushes by default; what git said."""
        remotes = self.said("remote").split()
        to = "origin" if "origin" in remotes else (remotes or [""])[0]
        if not to:
            return "there is no remote to push to"
        ran = self.run("push", "-q", "--set-upstream", to, branch, accept=range(256), seconds=600.0)
        return "" if ran.status == 0 else ran.errors.strip()[-SAID:] or f"exit code {ran.status}"


# --- the environment --------------------------------------------------------------------------------------------------


def provide(source: str, target: str, path: str) -> bool:
    """Let `target` use what lies at `path` in `source`, by links; False when nothing does, or something is there.

    A folder is made anew with links in it, for git ignores `venv/` only while it is a folder, and ignores itself. A
    link that leads about inside the source, as those of a JavaScript workspace do, leads to the same place here.
    """
    there, here = os.path.join(source, path), os.path.join(target, path)
    if not os.path.lexists(there) or os.path.lexists(here):
        return False
    os.makedirs(os.path.dirname(here), exist_ok=True)
    if not os.path.isdir(there) or os.path.islink(there):
        os.symlink(there, here)
        return True
    os.mkdir(here)
    with open(os.path.join(here, ".gitignore"), "w") as file:
        file.write("*\n")
    for name, leads in _entries(source, there):
        os.symlink(leads, os.path.join(here, name))
    return True


def _entries(source: str, folder: str) -> Iterator[tuple[str, str]]:
    for name in sorted(set(os.listdir(folder)) - {".gitignore"}):
        at = os.path.join(folder, name)
        if not os.path.islink(at):
            yield name, at
            continue
        leads = os.readlink(at)
        end = os.path.normpath(os.path.join(folder, leads))
        inside = end.startswith(source + os.sep) and not end.startswith(folder + os.sep)
        yield name, leads if inside and not os.path.isabs(leads) else at
