"""Secrets beyond the tree: in what is staged, in a history, in files and standard input; waived by hash and place."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from phasegate.evidence.findings import FindingsSeen
from phasegate.ledger.waivers import WaiverGiven
from phasegate.policy.secrets import find_secrets
from tests.cli.people import PHASEGATE
from tests.cli.terminal import PROJECT, Project
from tests.policy.secret_samples import Draw, checksummed


def key(seed: str = "a") -> str:
    return checksummed("gh" + "p_")(Draw(seed))[1]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def staged(project: Project, *arguments: str) -> tuple[int, str]:
    done = project.person("check", "secrets", "--staged", *arguments)
    assert key() not in done.stdout + done.stderr
    return done.returncode, done.stdout


def test_what_is_staged_is_looked_at_and_not_what_is_beside_it(project: Project) -> None:
    project.write("a.py", f"K = '{key()}'\n")
    assert staged(project)[0] == 0
    project.git("add", "a.py")
    project.write("a.py", "K = None\n")
    status, said = staged(project)
    assert status == 1 and "a.py:1:6: looks like github-token" in said and "waiver add secret" in said


def test_a_secret_that_was_there_stops_no_commit_wherever_its_file_moves(project: Project) -> None:
    project.write("a.py", f"K = '{key()}'\n")
    project.commit()
    project.write("a.py", f"X = 1\nK = '{key()}'\n")
    project.git("add", "-A")
    assert staged(project)[0] == 0
    project.git("mv", "-f", "a.py", "b.py")
    assert staged(project)[0] == 0
    project.write("b.py", f"K = '{key()}'\nL = '{key('b')}'\n")
    project.git("add", "-A")
    assert staged(project)[0] == 1


def test_a_waiver_names_a_secret_by_its_hash_and_its_place(project: Project) -> None:
    text = f"K = '{key()}'\n"
    (found,) = find_secrets(text)
    project.write("fixtures/key.py", text)
    project.write("src/key.py", text)
    project.git("add", "-A")
    project.recorded(
        [
            WaiverGiven(
                "waiver-1", "secret", f"{found.fingerprint}@fixtures/key.py", "Ann", "why", "2999-01-01", "weak", "Ann"
            )
        ]
    )
    status, said = staged(project)
    assert status == 1 and "src/key.py" in said and "fixtures/key.py:" not in said and "1 waived" in said


def test_every_content_and_message_of_a_history_is_looked_at_once(project: Project) -> None:
    project.write("a.py", f"K = '{key()}'\n")
    project.commit()
    first = project.git("rev-parse", "HEAD")
    project.write("a.py", "K = None\n")
    project.write("copy.py", f"K = '{key()}'\n")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", f"note {key('b')}")
    project.git("rm", "-q", "copy.py")
    project.git("commit", "-q", "-m", "gone")
    done = project.json("check", "secrets", "--history")
    assert done["exit"] == 1
    assert sorted(each["path"] for each in done["new"]) == ["(message of the commit)", "copy.py"]
    assert project.json("check", "secrets", "--history", f"{first}~1..{first}")["new"][0]["path"] == "a.py"
    assert project.json("check", "secrets", "--history", "HEAD~1..HEAD")["exit"] == 0
    refused = project.person("check", "secrets", "--history=--output=x")
    assert refused.returncode == 2 and not (project.root / "x").exists()


def test_a_history_is_gone_on_with_and_what_was_clean_is_not_read_again(project: Project, tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    project.write("a.py", f"K = '{key()}'\n")
    project.write("b.py", "B = 1\n")
    project.commit()

    def look(*more: str) -> tuple[int, int, str]:
        said = json.loads(project.person("check", "secrets", "--history", "--json", *more, env=env).stdout)
        return said["exit"], said["seen"]["files"], " ".join(said["seen"].get("notes", ()))

    first = look()
    assert first[0] == 1 and "earlier scan" not in first[2]
    again = look()
    assert again[:2] == first[:2] and f"{first[1] - 1} contents were clean in an earlier scan" in again[2]
    assert look("--again") == first
    (kept,) = (tmp_path / "cache" / "phasegate" / "scanned").iterdir()
    kept.write_bytes(kept.read_bytes()[:-5])
    assert f"{first[1] - 2} contents were clean" in look()[2], "a torn record is scanned again, and no other"
    assert f"{first[1] - 1} contents were clean" in look()[2]
    kept.rename(kept.with_name("0123.clean"))
    assert look() == first and not kept.with_name("0123.clean").exists(), "what other rules said counts for nothing"
    for broken in (b"", b"\0" * 31, b"\xff" * 1000):
        kept.write_bytes(broken)
        assert look() == first
        kept.unlink()
    kept.mkdir()
    assert look() == first, "a cache that cannot be written costs a scan, and nothing else"


def test_what_a_merge_alone_brings_is_looked_at(project: Project) -> None:
    project.git("checkout", "-q", "-b", "side")
    project.write("side.txt", "1\n")
    project.commit()
    project.git("checkout", "-q", "main")
    project.write("main.txt", "1\n")
    project.commit()
    project.git("merge", "-q", "--no-commit", "side")
    project.write("main.txt", f"{key()}\n")
    project.commit()
    assert [each["path"] for each in project.json("check", "secrets", "--history")["new"]] == ["main.txt"]


def test_files_and_standard_input(project: Project) -> None:
    project.write("a.py", f"K = '{key()}'\n")
    assert project.person("check", "secrets", "--files", "a.py", "phasegate.toml").returncode == 1
    assert project.person("check", "secrets", "--files", "absent.py").returncode == 7
    asked = [PHASEGATE, "check", "secrets", "--files", "-"]
    read = subprocess.run(asked, cwd=project.root, input=f"x {key()}\n", capture_output=True, text=True, check=False)
    assert read.returncode == 1 and "-:1:3: looks like github-token" in read.stdout


def test_outside_of_any_project_it_works_as_well(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "a.py").write_text(f"K = '{key()}'\n")
    subprocess.run(["git", "add", "a.py"], cwd=tmp_path, check=True)
    done = subprocess.run([PHASEGATE, "check", "secrets", "--staged"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "a.py:1:6" in done.stdout


def test_places_do_not_mix_and_go_with_secrets_alone(project: Project) -> None:
    for words in (["tests", "--staged"], ["secrets", "--staged", "--history"], ["secrets", "--staged", "a.py"]):
        assert project.person("check", *words).returncode == 2
    assert project.person("check", "secrets", "a.py").returncode == 2


def test_what_the_real_gitleaks_finds_is_told_once_beside_ours(tmp_path: Path) -> None:
    project = Project(tmp_path, settings=f'project = "{PROJECT}"\n[secrets]\ntools = ["gitleaks"]\n')
    strange = "p8e-" + Draw("adobe").of("0123456789abcdef", 32)
    project.write("a.py", f"K = '{key()}'  # gitleaks:allow\n")
    project.write("b.txt", f"adobe = '{strange}'\n")
    done = project.person("check", "secrets")
    assert done.returncode == 1 and strange not in done.stdout and key() not in done.stdout
    assert "b.txt:1 looks like adobe-client-secret" in done.stdout
    (seen,) = [each.seen for each in project.state().evidence.values() if isinstance(each.seen, FindingsSeen)]
    assert sorted((each.path, each.tool) for each in seen.findings) == [("a.py", "phasegate"), ("b.txt", "gitleaks")]


def test_a_program_that_settings_ask_for_and_that_is_not_there_makes_it_unknown(tmp_path: Path) -> None:
    project = Project(tmp_path, settings=f'project = "{PROJECT}"\n[secrets]\ntools = ["trufflehog"]\n')
    done = project.person("check", "secrets", env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 7 and "trufflehog is not installed" in done.stdout


EVERYWHERE = (
    ("check", "secrets"), ("check", "secrets", "--json"), ("check", "secrets", "--staged"),
    ("check", "secrets", "--history"), ("check", "secrets", "--files", "a.py"), ("check",), ("status",), ("why",),
    ("note", "add", "--kind", "discovery", "SECRET"), ("waiver", "add", "secret", "SECRET", "--reason", "x",
    "--until", "1d"), ("waiver", "list"), ("log", "show"), ("log", "show", "--json"), ("evidence", "list"),
    ("evidence", "list", "--json"), ("report",), ("record", "--", "echo", "SECRET"), ("verify", "--base", "HEAD~1"),
    ("check", "secrets", "--sarif", "out.sarif"), ("lookback",),
)  # fmt: skip


def test_no_command_prints_or_stores_a_secret_that_it_meets(project: Project) -> None:
    secrets = [key(), key("b"), Draw("pw").of("abcdefghijkmnpqrstuvwxyz23456789ABCDEFGH", 24) + "7x"]
    project.commit()
    project.write("a.py", f"K = '{secrets[0]}'\npassword = '{secrets[2]}'\nL = '''\n{secrets[1]}\n'''\n")
    project.commit()
    project.write("a.py", f"K = '{secrets[0]}'\nM = 1\npassword = '{secrets[2]}'\n")
    project.git("add", "-A")
    said = ""
    for words in EVERYWHERE:
        done = project.person(*(secrets[0] if word == "SECRET" else word for word in words))
        assert done.returncode != 3, (words, done.stderr)
        output = done.stdout + done.stderr
        said += output.replace(secrets[0], "") if "echo" in words else output
    assert not [secret for secret in secrets if secret in said]
    folders = (Path(project.env["XDG_STATE_HOME"]), project.root / "out.sarif")
    kept = [path for folder in folders for path in (folder, *folder.rglob("*")) if path.is_file()]
    kept = [path for path in kept if "private" not in path.parts]  # the tree itself, laid out for its tests
    assert len(kept) > 3
    for path in kept:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path
