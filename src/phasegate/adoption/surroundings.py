"""What else has a say in a repository: managers of git hooks, settings of agents, continuous integration."""

from __future__ import annotations

from collections.abc import Mapping

from phasegate.adoption.look import Look

HOOK_MANAGERS: Mapping[str, tuple[str, ...]] = {
    "pre-commit": (".pre-commit-config.yaml", ".pre-commit-config.yml"),
    "husky": (".husky/", ".huskyrc", ".huskyrc.json", ".huskyrc.js"),
    "lefthook": ("lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".lefthook.yaml", "lefthook.toml"),
    "overcommit": (".overcommit.yml",),
}

AGENTS: Mapping[str, tuple[str, ...]] = {
    "Claude Code": (".claude/", "CLAUDE.md"),
    "Codex": (".codex/", "AGENTS.md"),
    "Gemini CLI": (".gemini/", "GEMINI.md"),
    "Cursor": (".cursor/", ".cursorrules"),
    "GitHub Copilot": (".github/copilot-instructions.md",),
    "Aider": (".aider.conf.yml",),
}

INTEGRATION: Mapping[str, tuple[str, ...]] = {
    "GitHub Actions": (".github/workflows/",),
    "GitLab CI": (".gitlab-ci.yml",),
    "CircleCI": (".circleci/",),
    "Azure Pipelines": ("azure-pipelines.yml",),
    "Jenkins": ("Jenkinsfile",),
    "Travis": (".travis.yml",),
}


def found(look: Look, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The names of `table` one of whose paths is there; a path that ends in `/` stands for a folder."""
    there = frozenset(look.paths)
    folders = {f"{'/'.join(path.split('/')[:at])}/" for path in look.paths for at in range(1, path.count("/") + 1)}
    return tuple(name for name, marks in table.items() if any(mark in there or mark in folders for mark in marks))
