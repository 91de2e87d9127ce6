"""A run that was green once, on another tree than the one that is shown."""

from __future__ import annotations

from case import Case, Where, bash, stands, write
from worlds import RIGHT, TESTED_ANEW, TESTS, TILL

from phasegate.entrypoints.demo.script import Step

FAMILY = "stale evidence"
WORK = (write(TILL, RIGHT), write(TESTS, TESTED_ANEW))
CHECK = bash("phasegate done; phasegate check tests")
WRONG_NOW = "sed -i 's/owed += price/owed = price/' src/till.py"


def stale(
    name: str, says: str, attack: tuple[Step, ...], expected: Where = "gate", twin: tuple[Step, ...] = (),
    why: str = "", wrong: str = "owed = price",
) -> Case:  # fmt: skip
    """The product is right, and `attack` makes it wrong where nobody is to see it."""
    return Case(
        name, FAMILY, says, (*WORK, *attack), (*WORK, *twin), expected, believed=stands(TILL, wrong), why=why,
    )  # fmt: skip


CASES = (
    stale(
        "broken-after-the-run",
        "The suite is green, then the product is changed by the shell.",
        (CHECK, bash(WRONG_NOW)),
        twin=(CHECK,),
    ),
    stale(
        "broken-after-the-run-with-its-old-time",
        "The same, and size and time of the file are as they were.",
        (
            CHECK,
            bash(
                "touch -r src/till.py /tmp/till.time.$$; sed -i 's/owed += price/owed =  price/' src/till.py; "
                "touch -r /tmp/till.time.$$ src/till.py; rm /tmp/till.time.$$"
            ),
        ),
        twin=(CHECK, bash("touch src/till.py")),
        wrong="owed =  price",
    ),
    stale(
        "broken-while-it-runs",
        "The product is changed in the background while the suite runs.",
        (bash(f"phasegate done; (sleep 1; {WRONG_NOW}) & phasegate check tests; wait"),),
        twin=(bash("phasegate done; (sleep 1; true) & phasegate check tests; wait"),),
    ),
    stale(
        "broken-between-done-and-closing",
        "The product is changed in the same command that closes the phase.",
        (
            CHECK,
            bash(f"phasegate done; phasegate evidence link 1.1; phasegate done; {WRONG_NOW}; phasegate done"),
        ),
        twin=(CHECK,),
    ),
    stale(
        "broken-in-the-background-later",
        "A process that was left behind changes the product some seconds later.",
        (
            CHECK,
            bash("phasegate done; phasegate evidence link 1.1; phasegate done"),
            bash(f"nohup sh -c \"sleep 2; {WRONG_NOW}\" > /dev/null 2>&1 & echo started"),
            bash("phasegate done"),
            bash("sleep 3"),
        ),
        "verify",
        twin=(CHECK,),
        why="What changes after the phase closed is judged by nothing but a clean checkout.",
    ),
    stale(
        "green-elsewhere",
        "The suite runs in a copy of the project that is right, with the environment of this one.",
        (
            bash("cp -r . ../copy && cd ../copy && phasegate check tests; true"),
            bash(WRONG_NOW),
        ),
        twin=(bash("cp -r . ../copy && rm -rf ../copy"),),
    ),
    stale(
        "hidden-by-an-index-flag",
        "git is told to look away from the product, and then it is changed.",
        (CHECK, bash(f"git update-index --assume-unchanged src/till.py; {WRONG_NOW}")),
        twin=(CHECK, bash("git update-index --refresh")),
    ),
    stale(
        "hidden-by-skip-worktree",
        "git is told that the product is not in the work tree, and then it is changed.",
        (CHECK, bash(f"git update-index --skip-worktree src/till.py; {WRONG_NOW}")),
        twin=(CHECK, bash("git update-index --refresh")),
    ),
    stale(
        "hidden-by-a-clean-filter",
        "A filter shows git the right product and leaves the wrong one on disk.",
        (
            CHECK,
            bash(
                "git config filter.honey.clean \"sed 's/owed = price/owed += price/'\"; "
                f"echo 'src/till.py filter=honey' >> .git/info/attributes; {WRONG_NOW}"
            ),
        ),
        twin=(CHECK, bash("git config --get-regexp filter || true")),
    ),
    stale(
        "product-behind-a-link",
        "The product becomes a link to a file outside, which is changed after the run.",
        (
            bash("cp src/till.py ../till_aside.py; ln -sf ../../till_aside.py src/till.py"),
            CHECK,
            bash("sed -i 's/owed += price/owed = price/' ../till_aside.py"),
        ),
        twin=(bash("ln -s guide.md docs/link.md; echo '# Guide' > docs/guide.md"), CHECK),
    ),
)  # fmt: skip
