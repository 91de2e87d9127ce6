"""Where a JVM project keeps its sources: JaCoCo names a file by its package, and not by its folder."""

from __future__ import annotations

import os

_SUFFIXES = (".java", ".kt", ".scala", ".groovy")
_SKIPPED = frozenset({"build", "target", "out", "node_modules"})
_MOST_FOLDERS = 50_000


class JavaSources:
    """The source files below `root`, found once."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.paths: dict[str, list[str]] = {}
        for seen, (folder, folders, files) in enumerate(os.walk(root)):
            if seen > _MOST_FOLDERS:
                break
            folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
            for name in files:
                if name.endswith(_SUFFIXES):
                    self.paths.setdefault(name, []).append(os.path.join(folder, name))

    def of(self, groups: str, package: str, name: str) -> str:
        """The one file that it can be; else the name itself, which is nowhere.

        Of several, the one below the folders that the report's groups (modules) are called after. Kotlin leaves the
        common beginning of its packages out of its folders.
        """
        named = f"{package}/{name}" if package else name
        found = self.paths.get(name, [])
        placed = [path for path in found if path.endswith(f"/{named}")]
        chosen = placed or (found if name.endswith(".kt") else [])
        modules = [path for path in chosen if f"/{groups}/" in path.removeprefix(self.root)]
        best = modules if groups and modules else chosen
        return best[0] if len(best) == 1 else named
