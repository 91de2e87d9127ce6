"""What an honest agent does all day, as tool calls with their effects: in projects in Python, JavaScript and Go."""

from __future__ import annotations

import base64
import hashlib
import random
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

Effect = Callable[[], object]
FUNCTION: Final = {
    "python": "\n\ndef {name}(amount: int) -> int:\n    return amount + {number}\n",
    "javascript": "\nexport function {name}(amount) {{\n  return amount + {number};\n}}\n",
    "go": "\nfunc {name}(amount int) int {{\n\treturn amount + {number}\n}}\n",
}
TEST: Final = {
    "python": "\n\ndef test_{name}() -> None:\n    assert 1 + {number} == {number} + 1\n",
    "javascript": "\ntest('{name}', () => {{ expect(1 + {number}).toBe({number} + 1); }});\n",
    "go": "\nfunc Test{name}(t *testing.T) {{\n\tif 1+{number} != {number}+1 {{\n\t\tt.Fatal()\n\t}}\n}}\n",
}
LAID_OUT: Final[dict[str, dict[str, str]]] = {
    "python": {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n',
        "src/shop/__init__.py": '"""A shop."""\n',
        "src/shop/price.py": '"""Prices."""\n',
        "tests/test_price.py": "from shop import price\n",
        ".gitignore": ".venv/\n__pycache__/\n.pytest_cache/\n.coverage\nhtmlcov/\n/state/\n",
    },
    "javascript": {
        "package.json": '{"name": "shop", "version": "1.0.0", "scripts": {"test": "vitest"}}\n',
        "package-lock.json": '{"name": "shop", "lockfileVersion": 3}\n',
        "src/price.js": "export const zero = 0;\n",
        "src/basket.js": "export const none = [];\n",
        "tests/price.test.js": "import { zero } from '../src/price.js';\n",
        ".gitignore": "node_modules/\ncoverage/\ndist/\n/state/\n",
    },
    "go": {
        "go.mod": "module example.org/shop\n\ngo 1.22\n",
        "price.go": "package shop\n",
        "basket.go": "package shop\n",
        "price_test.go": 'package shop\n\nimport "testing"\n',
        ".gitignore": "/bin/\n*.out\n/state/\n",
    },
}
BOTH: Final = {"README.md": "# Shop\n", "docs/guide.md": "# Guide\n", "docs/prices.md": "# Prices\n"}


class Move(msgspec.Struct, frozen=True):
    """One tool call: its name, its input, what it does, and whether it fails as a command may."""

    tool: str
    given: dict[str, Any]
    effect: Effect = lambda: None
    ok: bool = True


class Session:
    """A session of one agent in one project, at a step that lets it edit files of `classes`."""

    def __init__(self, root: Path, language: str, classes: tuple[str, ...], chance: random.Random) -> None:
        self.root, self.language, self.classes, self.chance = root, language, classes, chance
        for path, content in (LAID_OUT[language] | BOTH).items():
            self.write(path, content)

    def moves(self, count: int) -> Iterator[Move]:
        """So many calls, in an order of their own."""
        kinds: list[tuple[Callable[[], Move], int]] = [(self.reads, 5), (self.looks, 5), (self.tests, 3), (self.git, 3)]
        kinds += [(self.asks_an_agent, 1), (self.scratches, 1)]
        kinds += [(self.edits, 8)] if self.classes else []
        kinds += [(self.refactors, 2), (self.installs, 2)] if "config" in self.classes else []
        for _ in range(count):
            (kind,) = self.chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
            yield kind()

    # -- what changes nothing -----------------------------------------------------------------------------------------

    def reads(self) -> Move:
        return Move("Read", {"file_path": str(self.root / self.any_file())})

    def looks(self) -> Move:
        return self.bash(
            self.chance.choice([
                "ls -la", "git status --short", "git diff", "git log --oneline -5", "rg -n price", "find docs",
                "sed -n 1,40p README.md", "wc -l README.md", "git show --stat HEAD", "cat docs/guide.md | head -20",
                "grep -rn 'password' . | head", "env | sort | head -3", "which python node go", "git blame README.md",
            ]),
            ok=self.chance.random() > 0.1,
        )  # fmt: skip

    def asks_an_agent(self) -> Move:
        return Move("Agent", {"description": "look", "prompt": "Find where prices are rounded.",
                              "subagent_type": "general-purpose"})  # fmt: skip

    # -- edits ---------------------------------------------------------------------------------------------------------

    def edits(self) -> Move:
        path = self.any_file(self.chance.choice(self.classes))
        text = self.words(path)
        if self.chance.random() < 0.25 and path.rpartition(".")[2] in ("py", "js", "go", "md"):
            path = self.beside(path)
        old = (self.root / path).read_text() if (self.root / path).exists() else ""
        if path.endswith((".toml", ".mod")):
            text = f"# {text.strip().splitlines()[0][:60]}\n" if path.endswith(".toml") else ""
        if path.endswith(".json"):
            text = " \n"
        if old and self.chance.random() < 0.7:
            given = {"file_path": str(self.root / path), "old_string": old[-20:], "new_string": old[-20:] + text}
            return Move("Edit", given, lambda: self.write(path, old + text))
        return Move("Write", {"file_path": str(self.root / path), "content": old + text},
                    lambda: self.write(path, old + text))  # fmt: skip

    def words(self, path: str) -> str:
        """What is written: code, a test, or a document with all that looks like a secret and is none."""
        name, number = f"with{self.chance.randrange(10**6)}", self.chance.randrange(99)
        kind = TEST if "test" in path else FUNCTION
        if path.endswith((".py", ".js", ".go")):
            return kind[self.language].format(name=name, number=number) + self.harmless(code=True)
        return f"\n## {name}\n\nWhat it does, and `{name}({number})` as an example.\n{self.harmless(code=False)}"

    def harmless(self, *, code: bool) -> str:
        if self.chance.random() < 0.6:
            return ""
        seed = self.chance.randbytes(32)
        said = self.chance.choice([
            hashlib.sha1(seed).hexdigest(), hashlib.sha256(seed).hexdigest(), str(uuid.UUID(bytes=seed[:16])),
            "sha512-" + base64.b64encode(hashlib.sha512(seed).digest()).decode(), "API_KEY=your-key-here",
            "password = os.environ['PASSWORD']", "https://user@example.org/path?token=TOKEN", "AKIAIOSFODNN7EXAMPLE",
            "data:image/png;base64," + base64.b64encode(seed * 6).decode(), "secret: ${{ secrets.TOKEN }}",
        ])  # fmt: skip
        mark = {"python": "#", "javascript": "//", "go": "//"}[self.language] if code else "-"
        return f"{mark} {said}\n"

    def any_file(self, wanted: str = "") -> str:
        found = [path for path in LAID_OUT[self.language] | BOTH if (self.root / path).exists()]
        found = [path for path in found if path != ".gitignore" and "lock" not in path and path != "go.mod"]
        return self.chance.choice([path for path in found if not wanted or class_of(path) == wanted] or ["README.md"])

    def beside(self, path: str) -> str:
        stem, _, ending = path.rpartition(".")
        folder, _, name = stem.rpartition("/")
        number = self.chance.randrange(1000)
        new = f"{name}_{number}" if "test" not in name else f"test_{number}"
        if self.language == "go" and "test" in path:
            new = f"more{number}_test"
        if self.language == "javascript" and "test" in path:
            new = f"more{number}.test"
        return f"{folder}/{new}.{ending}".lstrip("/")

    # -- commands ------------------------------------------------------------------------------------------------------

    def tests(self) -> Move:
        command, left = {
            "python": ("python -m pytest -q", {".pytest_cache/v/cache/lastfailed": "{}", ".coverage": "x",
                                               "src/shop/__pycache__/price.cpython-312.pyc": "x"}),
            "javascript": ("npm test", {"coverage/lcov.info": "TN:\n", "node_modules/.vite/vitest/results.json": "{}"}),
            "go": ("go test ./... -coverprofile=c.out", {"c.out": "mode: set\n"}),
        }[self.language]  # fmt: skip
        return self.bash(command, lambda: self.leave(left), ok=self.chance.random() > 0.3)

    def git(self) -> Move:
        name = f"work{self.chance.randrange(10**6)}"
        return self.chance.choice([
            lambda: self.bash("git add -A && git commit -m 'Price'", lambda: self.run("add", "-A") or self.commit()),
            lambda: self.bash(f"git switch -c {name}", lambda: self.run("switch", "-q", "-c", name)),
            lambda: self.bash("git stash && git stash pop", lambda: self.run("stash") or self.run("stash", "pop")),
            lambda: self.bash("git config user.name Ann", lambda: self.run("config", "user.name", "Ann")),
            lambda: self.bash("git config pull.rebase true", lambda: self.run("config", "pull.rebase", "true")),
            lambda: self.bash(f"git tag {name}", lambda: self.run("tag", name)),
            lambda: self.bash(f"git remote add {name} https://example.org/x",
                              lambda: self.run("remote", "add", name, "https://example.org/x")),
            lambda: self.bash("git branch -u main", lambda: self.run("config", "branch.main.merge", "refs/heads/main")),
            lambda: self.bash("git gc -q", lambda: self.run("pack-refs", "--all")),
        ])()  # fmt: skip

    def scratches(self) -> Move:
        where = self.root.parent / "scratch"
        return self.bash(f"python3 -c 'print(1)' > {where}/out.txt", lambda: where.mkdir(exist_ok=True))

    def refactors(self) -> Move:
        sources = [p for p in self.root.rglob("*") if p.suffix in (".py", ".js", ".go") and p.is_file()]
        sources = [p for p in sources if not {".venv", "node_modules", ".git"} & set(p.parts)]
        if self.chance.random() < 0.5:
            return self.bash("ruff format . || npx prettier -w . || gofmt -w .",
                             lambda: [p.write_text(p.read_text().rstrip() + "\n") for p in sources])  # fmt: skip
        return self.bash("sed -i 's/amount/sum/g' $(git ls-files)",
                         lambda: [p.write_text(p.read_text().replace("amount", "sum")) for p in sources])  # fmt: skip

    def installs(self) -> Move:
        number = self.chance.randrange(100)
        if self.language == "python":
            return self.chance.choice([self.venv, self.editable, lambda: self.wheel(number)])()
        if self.language == "javascript":
            left = {f"node_modules/left{number}/index.js": "x", "node_modules/.package-lock.json": "{}",
                    "package-lock.json": f'{{"name": "shop", "lockfileVersion": 3, "n": {number}}}\n'}  # fmt: skip
            return self.bash(f"npm install left{number}", lambda: self.leave(left))
        left = {"go.sum": f"example.org/x v1.0.{number} h1:{base64.b64encode(bytes(32)).decode()}\n"}
        return self.bash("go mod tidy", lambda: self.leave(left))

    def venv(self) -> Move:
        packages = ".venv/lib/python3.12/site-packages"
        left = {".venv/pyvenv.cfg": "home = /usr/bin\nversion_info = 3.12.1\n", f"{packages}/_virtualenv.py": "x = 1\n",
                f"{packages}/_virtualenv.pth": "import _virtualenv"}  # fmt: skip
        return self.bash("uv venv", lambda: self.leave(left))

    def editable(self) -> Move:
        return self.bash("uv pip install -e .", lambda: self.package("shop", f"{self.root}/src\n"))

    def wheel(self, number: int) -> Move:
        text = f"import os; var = 'LEFT_{number}'\n"
        return self.bash(f"pip install left{number}", lambda: self.package(f"left{number}", text))

    def package(self, name: str, startup: str) -> None:
        """What installing a package with a `.pth` leaves."""
        packages = ".venv/lib/python3.12/site-packages"
        digest = base64.urlsafe_b64encode(hashlib.sha256(startup.encode()).digest()).rstrip(b"=").decode()
        self.leave({
            ".venv/pyvenv.cfg": "home = /usr/bin\nversion_info = 3.12.1\n", f"{packages}/{name}.pth": startup,
            f"{packages}/{name}-1.dist-info/RECORD": f"{name}.pth,sha256={digest},{len(startup)}\n",
        })  # fmt: skip

    # -- doing ---------------------------------------------------------------------------------------------------------

    def bash(self, command: str, effect: Effect = lambda: None, *, ok: bool = True) -> Move:
        return Move("Bash", {"command": command, "description": "a command"}, effect, ok)

    def write(self, path: str, content: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)

    def leave(self, files: dict[str, str]) -> None:
        for path, content in files.items():
            self.write(path, content)

    def run(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, check=False)

    def commit(self) -> None:
        self.run("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "Price")


def class_of(path: str) -> str:
    """The class of a file of these projects."""
    if "test" in path:
        return "tests"
    if path.endswith(".md"):
        return "docs"
    return "config" if path.endswith((".toml", ".json", ".mod")) else "source"
