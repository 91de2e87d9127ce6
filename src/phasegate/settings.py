"""What a project can set in `phasegate.toml`, with the defaults; and which class of file a path is."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
from typing import Literal

import msgspec

from phasegate.rules.paths import matches as matches
from phasegate.rules.rule import Mode, Rules

Render = Literal["claude_md", "local", "off"]
FileClass = Literal["own", "plan", "tests", "docs", "config", "source"]

CI = ("tools/ci/headless.sh", ".github/workflows/phasegate.yml")
"""Where the script for CI and the workflow that calls it belong."""

JUDGING = ("**/phasegate.toml", *(f"**/{path}" for path in CI))
"""What says how a change is judged, in any folder: settings make a project of it."""

AT_THE_FORGE = (
    ".github/workflows/**", ".github/actions/**", ".gitlab-ci.yml", ".gitlab/ci/**", "Jenkinsfile", ".circleci/**",
    "azure-pipelines.y*ml", ".azure-pipelines/**", "bitbucket-pipelines.yml", ".travis.yml", ".drone.y*ml",
    ".woodpecker/**", ".woodpecker.y*ml", ".buildkite/**", ".forgejo/workflows/**", ".gitea/workflows/**",
    "appveyor.yml", "cloudbuild.y*ml", "tools/ci/**",
)  # fmt: skip
"""What says how a forge judges a change, at the root of the work tree: a person looks at it before a gate opens."""

OWN = (
    *JUDGING,
    "state/agent_state.json",
    "investigations/**",
    "archive/investigations/**",
    "logs/errors/**",
    "**/.claude/settings.json",
    "**/.claude/settings.local.json",
    "**/.claude/skills/phasegate/**",
    ".git/**",
    ".git",
)
"""Written by phasegate (or git) alone; no step allows an agent to."""


CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks for it, in its order; the first that is there counts."""

COMPILED = frozenset({"elsewhere", "rules"})
"""Fields filled in when a person trusts the settings: the other projects of the work tree, by where they lie from this
one (`../web/`), and all rules, put together from `[[rules]]`, the file that `policy` names and what it extends."""


class Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Glob patterns relative to the root; the first class that matches wins, in this order; the rest is source."""

    tests: tuple[str, ...] = (
        "tests/**", "test/**", "**/test_*.py", "**/*_test.py", "**/conftest.py", "**/*_test.go", "**/*.test.*",
        "**/*.spec.*", "**/__tests__/**", "**/__mocks__/**", "**/__snapshots__/**",
    )  # fmt: skip
    docs: tuple[str, ...] = ("docs/**", "doc/**", "**/*.md", "**/*.rst", "**/*.txt")
    config: tuple[str, ...] = (
        "*.toml", "*.cfg", "*.ini", "*.json", "*.yaml", "*.yml", ".*", ".github/**", "Makefile", "*.config.*",
        "**/package.json", "**/package-lock.json", "**/tsconfig*.json", "**/.mocharc*", "**/.eslintrc*",
        "**/jest.config.*", "**/vite.config.*", "**/vitest.config.*", "**/vitest.workspace.*", "**/babel.config.*",
        "go.mod", "go.sum",
    )  # fmt: skip
    protected: tuple[str, ...] = ()


Runner = Literal["pytest", "unittest", "jest", "vitest", "mocha", "node", "go", "junit"]
"""What runs a suite: each has a reporter or a report of its own; `junit` is any command that writes JUnit XML."""


class Tests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a suite runs: by which runner, the command (empty: found by itself), more arguments, seconds at most.

    `directory` is where it runs, relative to the root. `prepare` is a command that runs before and builds what the
    tests need (`tox run -e py --notest`). `reports` and `coverage_reports` are glob patterns of files that the command
    writes; the runner `junit` reads nothing else.
    `source_roots` are the folders first-party code is imported from (empty: `src` where there is one, else the root).
    `env` are variables that the tests get; those that could bend a run (`PYTEST_ADDOPTS`, `PYTHONPATH`, `COVERAGE_*`)
    they get from here alone, never from whoever starts them. `inherit` names variables that a private run takes over
    from whoever starts it, beside the few that every run gets. `hidden` is a folder outside the repository (absolute)
    that holds the suite, for tests that whoever writes the code does not see: they run against the private tree.
    """

    __test__ = False

    runner: Runner = "pytest"
    directory: str = ""
    prepare: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    timeout_seconds: float = 1800.0
    source_roots: tuple[str, ...] = ()
    env: dict[str, str] = {}
    inherit: tuple[str, ...] = ()
    hidden: str = ""
    reports: tuple[str, ...] = ()
    coverage_reports: tuple[str, ...] = ()


class Coverage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Statement coverage demanded, in per cent; `paths` overrides `changed_lines` for files that match a pattern."""

    changed_lines: float = 80.0
    new_project: float = 80.0
    paths: dict[str, float] = {}


class Drive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How `phasegate drive` works alone; 0 means no limit.

    `provide` are ignored paths that its work tree gets from yours by links; `allow` are permission rules of the client
    beside those that phasegate needs. A client that says nothing for `silent_minutes` is started again.
    """

    provide: tuple[str, ...] = (".venv", "venv", "node_modules")
    allow: tuple[str, ...] = ()
    silent_minutes: float = 15.0
    longest_wait_minutes: float = 15.0
    cost_usd: float = 0.0
    tokens: int = 0
    minutes: float = 0.0
    iterations: int = 0


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How sure test results must be for a phase to close on them.

    `closes_at` is the level: `private` (run by phasegate on a tree of its own) or `recorded` (run in the work tree).
    Runners that have no private runs count at the level they have. When tests are newly red, at most `reruns` more runs
    say which of them are flaky: those that pass then count as passed, and are named. Within
    `challenge_seconds` (0: not at all) some tests of pytest that passed run once more, and a recorded seed
    says which of them are made to fail. Within `mutation_seconds` (0: not at all) small changes are made, one by one,
    in the changed lines of Python that tests run, and what no test notices is told.
    """

    reruns: int = 0
    challenge_seconds: float = 0.0
    mutation_seconds: float = 20.0
    closes_at: Literal["recorded", "private"] = "private"


class Approvals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which approval answers a question: `weak` (a terminal) or `strong` (a signature by an allowed signer).

    `people` says who is behind a handle or team of CODEOWNERS: `"@acme/core" = ["ann@example.org"]`.
    """

    questions: Literal["weak", "strong"] = "weak"
    allowed_signers: str = ".phasegate/allowed_signers"
    people: dict[str, tuple[str, ...]] = {}


class Extends(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pack of rules by where it lies, and the SHA-256 (hex) of the file that is meant."""

    pack: str
    sha256: str


class PolicySource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where rules come from beside `[[rules]]`: another file, packs pinned by digest; and modes of built-in refusals.

    A pack is a path in the repository, `user:NAME` for a file in your configuration directory, or `phasegate:NAME`.
    """

    file: str = ""
    extends: tuple[Extends, ...] = ()
    modes: dict[str, Mode] = {}


LOCK_FILES = (
    "**/package-lock.json", "**/npm-shrinkwrap.json", "**/yarn.lock", "**/pnpm-lock.yaml", "**/bun.lock",
    "**/bun.lockb", "**/deno.lock", "**/uv.lock", "**/poetry.lock", "**/pdm.lock", "**/Pipfile.lock", "**/pixi.lock",
    "**/conda-lock.yml", "**/Cargo.lock", "**/go.sum", "**/Gemfile.lock", "**/composer.lock", "**/mix.lock",
    "**/pubspec.lock", "**/Podfile.lock", "**/Package.resolved", "**/gradle.lockfile", "**/packages.lock.json",
    "**/flake.lock", "**/.terraform.lock.hcl",
)  # fmt: skip
"""Files that package managers write; an edit by hand makes them lie."""


class FileLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where phasegate ends, in bytes: of an edit, of a file shown to the agent, of an artifact, of a file it hashes.

    `generated` are patterns of files that tools write; no edit by hand changes them. `outside` are patterns of absolute
    paths outside the root that edits may write to.
    """

    edit: int = 1 << 20
    context: int = 256 << 10
    artifact: int = 50 << 20
    hashing: int = 20 << 20
    generated: tuple[str, ...] = LOCK_FILES
    outside: tuple[str, ...] = ()


class Lanes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which lane a difference needs: up to so many changed lines and files of source and configuration it is trivial.

    Files that match `standard` or `regulated` need at least that lane, however little of them changes.
    """

    trivial_lines: int = 40
    trivial_files: int = 5
    standard: tuple[str, ...] = ()
    regulated: tuple[str, ...] = ()


ScannerName = Literal["secrets", "references", "ratchets", "sast", "deps", "licences"]
"""What looks at the tree: for secrets, broken links, weakened tests, weak code, known holes, licences."""

SastTool = Literal["ruff", "bandit"]
Threshold = Literal["info", "low", "medium", "high", "critical"]


class SarifReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another scanner: the command that writes SARIF to `{report}`, or else to its output, and the languages it reads.

    `exit_codes` are those of a run that came to its end, with findings or without. Instead of a command `file`,
    relative to the root, is taken as it lies there: what it finds counts, that it finds nothing does not.
    """

    command: tuple[str, ...] = ()
    file: str = ""
    languages: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] = (0, 1)
    timeout_seconds: float = 900.0


SecretsTool = Literal["gitleaks", "trufflehog"]


class Secrets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What looks for secrets in the tree beside phasegate's own rules: programs it knows, and others that write SARIF.

    A program of `tools` or `reports` that is missing, crashes or takes longer than `timeout_seconds` makes the gate
    unknown.
    """

    tools: tuple[SecretsTool, ...] = ()
    reports: tuple[SarifReport, ...] = ()
    timeout_seconds: float = 600.0


class Sast(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What looks for weak code: programs that phasegate knows, and others that write SARIF.

    Findings below `fails_from` are told and shut no gate. `not_examined` are languages of which somebody accepts that
    nothing looks at them; any other in the tree that nothing looks at makes the gate unknown.
    """

    tools: tuple[SastTool, ...] = ("ruff",)
    reports: tuple[SarifReport, ...] = ()
    fails_from: Threshold = "medium"
    not_examined: tuple[str, ...] = ()
    timeout_seconds: float = 600.0


DepsTool = Literal["osv", "pip-audit", "npm-audit", "govulncheck"]


class Deps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What looks for known holes in packages: `osv` is the advisories that `phasegate check deps --update` fetched.

    Holes below `fails_from` are told and shut no gate. Advisories older than `oldest_days` say nothing. `source` is
    where they come from. `left_out` are lock files and manifests of which you accept that nobody looks at them.
    """

    tools: tuple[DepsTool, ...] = ("osv",)
    fails_from: Threshold = "low"
    oldest_days: float = 7.0
    source: str = "https://osv-vulnerabilities.storage.googleapis.com"
    args: dict[str, tuple[str, ...]] = {}
    left_out: tuple[str, ...] = ()
    timeout_seconds: float = 600.0


class Licences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which licences the packages may have, as SPDX identifiers; `MIT OR GPL-3.0-only` needs one, `AND` both.

    With an empty `allow` everything is allowed that `deny` does not name. A package whose licence nobody can tell
    fails, or with `unknown = "tell"` is told.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    unknown: Literal["fail", "tell"] = "fail"
    left_out: tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one project. `project` is its UUID; paths are relative to the root.

    A project has one suite, `tests`, or several with names, `suites`; never both.
    """

    project: str = ""
    plan: str = "docs/development_roadmap/phases.md"
    render: Render = "claude_md"
    area: str = "project"
    workflow: str = ""
    record_prompts: Literal["off", "redacted", "full"] = "redacted"
    paths: Paths = Paths()
    tests: Tests = Tests()
    suites: dict[str, Tests] = {}
    coverage: Coverage = Coverage()
    evidence: Proof = Proof()
    approvals: Approvals = Approvals()
    limits: FileLimits = FileLimits()
    lanes: Lanes = Lanes()
    drive: Drive = Drive()
    scanners: tuple[ScannerName, ...] = ("secrets", "references", "ratchets")
    secrets: Secrets = Secrets()
    sast: Sast = Sast()
    deps: Deps = Deps()
    licences: Licences = Licences()
    policy: PolicySource = PolicySource()
    rules: Rules = Rules()
    elsewhere: dict[str, "Settings"] = {}

    def all_suites(self) -> dict[str, Tests]:
        """Every suite by its name; the only one is called ""."""
        return self.suites or {"": self.tests}

    def class_of(self, path: str) -> FileClass:
        """The class of a path relative to the root, with `/` between its parts; a file of another project is as there.

        Another project's plan is its own: nobody edits it from here.
        """
        for folder, others in self.elsewhere.items():
            if path.startswith(folder):
                found = others.class_of(path[len(folder) :])
                return "own" if found == "plan" else found
        if path.startswith("../"):
            return Settings(plan="").class_of(path.replace("../", ""))
        if matches(path, OWN) or matches(path, self.paths.protected) or path in self._says_what_counts():
            return "own"
        if path == self.plan:
            return "plan"
        if matches(path, self.paths.tests):
            return "tests"
        if matches(path, self.paths.docs):
            return "docs"
        return "config" if matches(path, self.paths.config) else "source"

    def _says_what_counts(self) -> tuple[str, ...]:
        """Files from which a person's trust takes who may approve, and which rules hold."""
        owners = CODEOWNERS if self.rules.owners is not None else ()
        packs = (extended.pack for extended in self.policy.extends)
        return (self.approvals.allowed_signers, self.policy.file, *packs, *owners)


def size_in_words(size: int) -> str:
    """A number of bytes as people say it."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
