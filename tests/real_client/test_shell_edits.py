"""What the shell writes is judged by the difference in the tree: whatever the step forbids is undone, or held."""

from __future__ import annotations

import pytest

from phasegate.entrypoints.demo.script import say
from phasegate.ledger import facts as f
from tests.real_client.conftest import NewProject
from tests.real_client.project import DOCS_ONLY, HAND_OVER, SHOP, Project, bash
from tests.real_client.which import REAL, with_both

PATCH = f"""--- a/{SHOP}
+++ b/{SHOP}
@@ -4 +4 @@
-def price(amount: int) -> int:
+def price(amount: float) -> float:
"""

COMMANDS = {
    "redirect": f"echo 'x = 1' >> {SHOP}",
    "new file": "echo 'x = 1' > src/shop/new.py",
    "sed": f"sed -i 's/return amount/return 0/' {SHOP}",
    "python": f"python3 -c \"open('{SHOP}', 'w').write('x = 1')\"",
    "git apply": f"git apply --unidiff-zero <<'END'\n{PATCH}END",
    "git checkout": f"git checkout -q HEAD~1 -- {SHOP}",
    "git commit": f"git rm -q {SHOP} && git -c user.name=a -c user.email=a@localhost commit -qm gone",
    "mode": f"chmod +x {SHOP}",
    "link": f"rm {SHOP} && ln -s ../../README.md {SHOP}",
    "rename": f"mv {SHOP} src/shop/moved.py",
    "failing": f"echo 'x = 1' >> {SHOP}; exit 3",
    "elsewhere": f"cd /tmp && echo 'x = 1' >> $CLAUDE_PROJECT_DIR/{SHOP} || cd - && echo 'x = 1' >> {SHOP}",
    "odd name": 'printf x > "$(printf "src/a \'b\\nc \\303\\244.py")"',
}


@pytest.fixture
def shop(new_project: NewProject) -> Project:
    """A project with a file that has a past."""
    project = new_project()
    now = project.text(SHOP)
    project.write(SHOP, '"""An older shop."""\n')
    project.commit("An older shop")
    project.write(SHOP, now)
    project.commit("A newer shop")
    project.begin()
    return project


def sources(project: Project) -> dict[str, tuple[int, str]]:
    """Every file under `src` with its mode and content; links are not followed."""
    paths = [path for path in (project.root / "src").rglob("*") if path.is_symlink() or path.is_file()]
    return {str(path): (path.lstat().st_mode, path.read_text()) for path in paths}


@pytest.mark.parametrize("how", COMMANDS)
def test_a_shell_write_that_the_step_forbids_is_put_back(shop: Project, how: str) -> None:
    before = sources(shop)
    finished = shop.play(bash(COMMANDS[how]))
    assert shop.put_back() and not shop.held()
    assert sources(shop) == before
    assert "was put back" in str(finished.hooks)


@pytest.mark.parametrize("which", [REAL])
def test_the_real_clients_shell_is_put_back_call_by_call(shop: Project) -> None:
    ways = ("redirect", "sed", "python", "git apply", "git checkout", "failing", "link")
    before = sources(shop)
    finished = shop.play(*(bash(COMMANDS[how]) for how in ways))
    assert shop.put_back() == [SHOP] * len(ways), [result.text for result in finished.tool_results]
    assert sources(shop) == before and not shop.held()


@with_both
def test_the_overwritten_bytes_are_kept_and_the_command_brings_them_back(project: Project) -> None:
    project.play(bash(f"echo 'x = 1' >> {SHOP}"))
    (back,) = project.facts(f.ChangePutBack)
    assert "x = 1" not in project.text(SHOP)
    bring_back(project, back.command)
    assert project.text(SHOP).endswith("x = 1\n")


def bring_back(project: Project, command: str) -> None:
    import subprocess

    subprocess.run(["/bin/sh", "-c", command], cwd=project.root, check=True)


def test_git_stash_does_not_take_the_persons_changes_away(new_project: NewProject) -> None:
    project = new_project()
    project.write(SHOP, "MINE = 1\n")
    project.begin()
    project.play(bash("git -c user.name=a -c user.email=a@localhost stash -q"))
    assert project.put_back() == [SHOP] and project.text(SHOP) == "MINE = 1\n"


@with_both
def test_what_a_background_process_writes_later_is_put_back_or_held_and_opens_nothing(project: Project) -> None:
    project.play(
        bash("(sleep 2; echo 'x = 1' > src/shop/late.py) > /dev/null 2>&1 &"),
        bash("sleep 3; true"),
        say("Done."),
        prompt=HAND_OVER,
    )
    assert project.put_back() + project.held() == ["src/shop/late.py"]
    assert project.has("src/shop/late.py") == bool(project.held())


def test_what_a_background_process_writes_while_no_call_runs_is_held_and_keeps_every_gate_shut(
    new_project: NewProject,
) -> None:
    project = new_project(DOCS_ONLY)
    project.begin(at="implement")
    project.play(
        bash("echo 'How to use it.' >> README.md; (sleep 2; echo x > src/shop/late.py) > /dev/null 2>&1 &"),
        say("Done.", delay=4.0),
        bash("phasegate record -- grep -q use README.md && phasegate evidence link 1.1; phasegate done"),
        say("Done."),
        prompt=HAND_OVER,
    )
    assert project.held() == ["src/shop/late.py"] and project.has("src/shop/late.py")
    assert not project.facts(f.PhaseClosed) and "[x]" not in project.text("docs/development_roadmap/phases.md")


def test_a_held_change_that_the_agent_undoes_is_settled(new_project: NewProject) -> None:
    project = new_project(DOCS_ONLY)
    project.begin(at="implement")
    project.play(
        bash("(sleep 1; echo x > src/shop/late.py) > /dev/null 2>&1 &"),
        say("Done.", delay=3.0),
        bash("rm src/shop/late.py"),
        prompt=HAND_OVER,
    )
    assert project.held() == ["src/shop/late.py"]
    assert [fact.how for fact in project.facts(f.ChangeSettled)] == ["reverted"] and not project.run.held
