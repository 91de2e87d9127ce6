"""What `init --ci` ships: a script that runs anywhere, and a workflow that is linted and run on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from phasegate.entrypoints.ci import shipped
from phasegate.settings import CI
from tests.cli.people import SCRIPTS, as_person

SOURCE = Path(__file__).parents[2]
SCRIPT, WORKFLOW = CI
FILES = {
    "src/shop.py": "def price(x):\n    return x * 2\n",
    "tests/test_shop.py": "import shop\n\ndef test_price(): assert shop.price(2) == 4\n",
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
}


class Checkout:
    """A repository with what `init --ci` wrote, committed on main; `work` is checked out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "repository"
        for path, text in FILES.items():
            self.write(path, text)
        self.git("init", "-q", "-b", "main")
        done = as_person(
            ["phasegate", "init", "--ci", "--allow-ephemeral", "--render", "off"], self.root,
            {"XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        self.commit()
        self.git("checkout", "-q", "-b", "work")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def git(self, *words: str) -> str:
        run = ["git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@b.c", *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "state")

    def headless(
        self, *words: str, scripts: str = SCRIPTS, sh: str = "sh", below: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """The script, with nothing in the environment but what a bare machine has."""
        bare = {"PATH": os.pathsep.join(filter(None, (scripts, os.environ["PATH"]))), "HOME": str(self.folder)}
        command = [sh, str(self.root / SCRIPT), *words]
        return subprocess.run(
            command, cwd=self.root / below, env=bare | env, capture_output=True, text=True, timeout=280
        )

    def result(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.root / "phasegate-results/result.json").read_text())
        return found


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_it_judges_a_checkout_and_writes_the_results_in_every_form(checkout: Checkout) -> None:
    done = checkout.headless("test")
    assert done.returncode == 0, done.stderr
    assert checkout.result()["exit"] == 0 and done.stdout == ""
    results = checkout.root / "phasegate-results"
    assert ET.parse(results / "junit.xml").getroot().tag == "testsuites"
    assert json.loads((results / "results.sarif").read_text())["runs"][0]["results"] == []
    assert checkout.git("status", "--short") == ""


def test_it_ends_with_the_code_of_the_gates(checkout: Checkout) -> None:
    checkout.write("src/shop.py", "def price(x):\n    return x * 3\n")
    checkout.commit()
    done = checkout.headless("verify", "--base", "main")
    assert (done.returncode, checkout.result()["exit"]) == (1, 1)


def test_usage_is_told(checkout: Checkout) -> None:
    for words in ((), ("nonsense",)):
        done = checkout.headless(*words)
        assert done.returncode == 2 and "headless.sh verify" in done.stderr


def test_a_machine_without_phasegate_is_told_so_and_given_it(checkout: Checkout) -> None:
    python = Path(os.path.realpath(sys.executable)).parent
    bare = checkout.folder / "bin"
    bare.mkdir()
    for name in ("python3", "pytest"):
        (bare / name).unlink(missing_ok=True)
    (bare / "python3").symlink_to(python / Path(os.path.realpath(sys.executable)).name)
    # Of what this test runs in, only the system's programs stay on the path.
    system = os.pathsep.join(("/usr/local/bin", "/usr/bin", "/bin"))
    env = {"PATH": f"{bare}{os.pathsep}{system}", "PHASEGATE_PLACE": str(checkout.folder / "place")}
    told = checkout.headless("test", **env)
    assert told.returncode == 7 and "PHASEGATE_SOURCE" in told.stderr
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HTTP", "http"))}
    done = checkout.headless("test", **env, **kept, PHASEGATE_SOURCE=str(SOURCE))
    assert "installing phasegate from" in done.stderr and "phasegate, version" in done.stderr, done.stderr
    assert done.returncode in (0, 7) and checkout.result()["verdicts"], done.stderr


def test_nothing_is_run_from_a_folder_that_somebody_else_can_write_to(checkout: Checkout) -> None:
    place, ran = checkout.folder / "place", checkout.folder / "ran"
    (place / "bin").mkdir(parents=True)
    (place / "bin/phasegate").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (place / "bin/phasegate").chmod(0o755)
    bare = checkout.folder / "bin"
    bare.mkdir()
    for name in ("git", "dirname", "find", "id", "mkdir", "mv", "touch"):
        (bare / name).symlink_to(str(shutil.which(name)))
    env = {"PATH": str(bare), "PHASEGATE_SOURCE": str(checkout.folder / "nothing")}
    for mode, whose in ((0o777, "others may write to it"), (0o770, "others may write to it"), (0o700, "")):
        place.chmod(mode)
        done = checkout.headless("test", sh=str(shutil.which("sh")), **env, PHASEGATE_PLACE=str(place))
        assert whose in done.stderr and ran.exists() == (not whose), done.stderr
    ran.unlink()
    shutil.copytree(place, checkout.folder / ".cache/phasegate-headless")
    (checkout.folder / ".cache/phasegate-headless").chmod(0o777)
    done = checkout.headless("test", sh=str(shutil.which("sh")), **env)
    assert (done.returncode, ran.exists()) == (7, False) and ".cache/phasegate-headless belongs" in done.stderr
    done = checkout.headless("test", sh=str(shutil.which("sh")), **env, HOME="/nowhere")
    assert (done.returncode, ran.exists()) == (7, False) and "HOME is no folder" in done.stderr
    if os.getuid() == 0:  # only root can give a folder away
        os.chown(place, 1, -1)
        done = checkout.headless("test", sh=str(shutil.which("sh")), **env, PHASEGATE_PLACE=str(place))
        assert (done.returncode, ran.exists()) == (7, False)


def test_it_judges_the_project_it_is_called_in(checkout: Checkout) -> None:
    checkout.write("api/phasegate.toml", 'project = "6f0c8a52-6a5e-4f5e-9a43-3b1d9a0c7e11"\n')
    checkout.write("api/src/api.py", "def price(x):\n    return x * 3\n")
    checkout.write("api/tests/test_api.py", "import api\n\ndef test_price(): assert api.price(2) == 4\n")
    checkout.write("api/pyproject.toml", FILES["pyproject.toml"])
    checkout.commit()
    done = checkout.headless("test", below="api/src")
    assert done.returncode == 1 and "api/tests" not in done.stderr, done.stderr
    assert json.loads((checkout.root / "api/phasegate-results/result.json").read_text())["exit"] == 1
    assert not (checkout.root / "phasegate-results").exists()


def test_what_a_person_made_of_a_shipped_file_stays(checkout: Checkout) -> None:
    checkout.write(SCRIPT, "echo mine\n")
    env = {"XDG_STATE_HOME": str(checkout.folder / "state"), "HOME": str(checkout.folder)}
    as_person(["phasegate", "init", "--ci", "--allow-ephemeral"], checkout.root, env)
    assert (checkout.root / SCRIPT).read_text() == "echo mine\n"
    done = as_person(["phasegate", "uninstall"], checkout.root, env)
    assert done.returncode == 0, done.stderr
    assert (checkout.root / SCRIPT).read_text() == "echo mine\n" and not (checkout.root / WORKFLOW).exists()


def test_the_workflow_has_no_fault_that_a_linter_knows(tmp_path: Path) -> None:
    (tmp_path / "phasegate.yml").write_bytes(shipped()[WORKFLOW])
    linter = [os.path.join(SCRIPTS, "zizmor"), "--offline", "--quiet", str(tmp_path / "phasegate.yml")]
    done = subprocess.run(
        linter, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    )
    assert done.returncode == 0, done.stdout + done.stderr


def local_action(folder: Path, name: str, inputs: str, script: str) -> Path:
    """An action of this machine in the place of one that would be fetched."""
    (folder / name).mkdir(parents=True)
    steps = f"runs:\n  using: composite\n  steps:\n    - shell: sh\n      run: {script}\n"
    (folder / name / "action.yml").write_text(f"name: {name}\ninputs: {{{inputs}}}\n{steps}")
    return folder / name


class Runner:
    """act, with actions of this machine in the place of those that would be fetched; `kept` has what is uploaded."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout, self.kept = checkout, checkout.folder / "kept"
        self.kept.mkdir()
        workflow = shipped()[WORKFLOW].decode()
        pinned = dict(re.findall(r"uses: (\S+)@([0-9a-f]{40})", workflow))
        stands_in = self.actions(checkout.folder / "actions")
        assert pinned.keys() == stands_in.keys() and workflow.count("uses:") == 4
        self.locally = [
            word
            for name, place in stands_in.items()
            for word in ("--local-repository", f"{name}@{pinned[name]}={place}")
        ]

    def actions(self, folder: Path) -> dict[str, Path]:
        upload = f'mkdir -p {self.kept} && cp -r "${{{{ inputs.path }}}}" "{self.kept}/${{{{ inputs.name }}}}"'
        download = f'cp -r "{self.kept}/${{{{ inputs.name }}}}" "${{{{ inputs.path }}}}"'
        clone = f"git clone -q {self.checkout.root} ."
        return {
            "actions/checkout": local_action(folder, "checkout", "fetch-depth: {}, persist-credentials: {}", clone),
            "actions/upload-artifact": local_action(
                folder, "upload", "name: {}, path: {}, if-no-files-found: {}", upload
            ),
            "actions/download-artifact": local_action(folder, "download", "name: {}, path: {}", download),
        }

    def run(self, event: str, payload: object, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        (self.checkout.folder / "event.json").write_text(json.dumps(payload))
        return subprocess.run(
            [os.path.join(SCRIPTS, "act"), event, "-e", str(self.checkout.folder / "event.json"), "--pull=false",
             "-P", "ubuntu-latest=-self-hosted", *self.locally, *words],
            cwd=self.checkout.root, capture_output=True, text=True, timeout=250,
            env={"PATH": os.pathsep.join((SCRIPTS, os.environ["PATH"])), "HOME": str(self.checkout.folder)} | env,
        )  # fmt: skip


def test_the_workflow_fails_a_pull_request_where_a_gate_does(checkout: Checkout) -> None:
    checkout.write("src/shop.py", "def price(x):\n    return x * 3\n")
    checkout.commit()
    runner = Runner(checkout)
    done = runner.run("pull_request", {"pull_request": {"base": {"sha": checkout.git("rev-parse", "main")}}})
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-2000:]
    assert json.loads((runner.kept / "phasegate-results/result.json").read_text())["exit"] == 1


def test_the_workflow_signs_what_was_pushed_by_a_key_that_the_judging_job_never_has(checkout: Checkout) -> None:
    """The bundle that comes out is checked with the public half, and is about the commit; so is the exported ledger."""
    checkout.write("src/shop.py", "def price(x):\n    return x + x\n")
    checkout.write(
        "tests/test_key.py", "import os\n\ndef test_no_key(): assert 'PHASEGATE_SIGNING_KEY' not in os.environ\n"
    )
    checkout.commit()
    env = {"XDG_STATE_HOME": str(checkout.folder / "state"), "HOME": str(checkout.folder)}
    for words in (("log", "export"), ("log", "key", "new", "../key.pem")):
        done = as_person(["phasegate", *words], checkout.root, env)
        assert done.returncode == 0, done.stderr
    before, head = checkout.git("rev-parse", "main"), checkout.git("rev-parse", "HEAD")
    runner = Runner(checkout)
    done = runner.run(
        "push", {"before": before, "after": head, "ref": "refs/heads/work"}, "--var", "PHASEGATE_SIGN=true",
        "-s", "PHASEGATE_SIGNING_KEY", PHASEGATE_SIGNING_KEY=(checkout.folder / "key.pem").read_text(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    bundle = str(runner.kept / "phasegate-signed/phasegate.bundle")
    check = ["phasegate", "verify", "--json", "--bundle", bundle, "--key", "../key.pem.pub", "--commit", "HEAD"]
    done = as_person(check, checkout.root, env)
    told = {each["gate"].partition(" ")[0]: each["says"] for each in json.loads(done.stdout)["verdicts"]}
    assert (done.returncode, told) == (
        0, dict.fromkeys(("signature", "chain", "result", "verdict", "commit"), "pass"),
    ), done.stdout  # fmt: skip
    assert "chain of ledgers/" in done.stdout and "PRIVATE KEY" not in Path(bundle).read_text()
    assert (runner.kept / "phasegate-signed/proof.html").stat().st_size > 10_000
