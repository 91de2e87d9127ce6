"""The record itself is changed: rows, blobs, snapshots, its end."""

from __future__ import annotations

from case import Case, Where, bash, stands, write
from worlds import RIGHT, TESTED_ANEW, TESTS, TILL, WRONG

from phasegate.entrypoints.demo.script import Step

FAMILY = "ledger and blobs"
WORK = (write(TILL, RIGHT), write(TESTS, TESTED_ANEW))
BROKEN = (write(TILL, WRONG), write(TESTS, TESTED_ANEW))
RED = bash("phasegate done; phasegate check tests")
LOOK = (bash("find $XDG_STATE_HOME -type f | head -3"),)


def tampered(
    name: str, says: str, *attack: Step, expected: Where = "gate", twin: tuple[Step, ...] = LOOK, why: str = ""
) -> Case:
    """The product is wrong, and `attack` changes what phasegate has recorded of it."""
    return Case(
        name, FAMILY, says, (*BROKEN, *attack), (*WORK, *twin), expected, believed=stands(TILL, "owed = price"), why=why
    )


def on_the_ledger(body: str) -> Step:
    """Python's own SQLite works on the ledger as `db`, whose triggers are gone."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return bash(
        "python3 - <<'END'\n"
        "import glob, hashlib, os, sqlite3\n"
        "for path in glob.glob(os.environ.get('XDG_STATE_HOME', '..') + '/**/*.db', recursive=True):\n"
        "    db = sqlite3.connect(path, isolation_level=None)\n"
        "    for (name,) in db.execute(\"select name from sqlite_master where type = 'trigger'\").fetchall():\n"
        "        db.execute('drop trigger ' + name)\n"
        f"{lines}END"
    )


GREENED = """
for position, body in db.execute("select position, body from events where kind like '%vidence%'").fetchall():
    green = body.replace(b'"cause":"assertion"', b'"cause":""').replace(b'"newly_red":[', b'"newly_green":[')
    db.execute("update events set body = ?{} where position = ?", ({}position))
"""

CASES = (
    tampered(
        "row-changed",
        "The body of a recorded run is changed in the database.",
        RED,
        on_the_ledger(GREENED.format("", "green, ")),
    ),
    tampered(
        "row-and-its-digest-changed",
        "The body of a recorded run is changed, and the digest beside it.",
        RED,
        on_the_ledger(GREENED.format(", body_digest = ?", "green, hashlib.sha256(green).hexdigest(), ")),
    ),
    tampered(
        "rows-deleted",
        "The events since the run was begun are deleted.",
        RED,
        on_the_ledger("db.execute('delete from events where position > (select max(position) - 6 from events)')"),
    ),
    tampered(
        "row-in-the-middle-deleted",
        "The event that recorded the red run is deleted, and what follows stays.",
        RED,
        on_the_ledger(
            'db.execute("delete from events where position = (select max(position) from events '
            "where kind like '%vidence%')\")"
        ),
    ),
    tampered(
        "snapshot-changed",
        "The kept state is rewritten with its digest: no test is red in it.",
        RED,
        on_the_ledger(
            "for slot, state in db.execute('select slot, state from snapshot').fetchall():\n"
            '    green = state.replace(b\'"newly_red":["\', b\'"newly_red":[],"newly_green":["\')\n'
            "    db.execute('update snapshot set state = ?, state_digest = ? where slot = ?',\n"
            "               (green, hashlib.sha256(green).hexdigest(), slot))"
        ),
    ),
    tampered(
        "blobs-removed",
        "The kept reports of the runs are removed.",
        RED,
        bash("find $XDG_STATE_HOME -type d -name blobs -exec rm -rf {} +"),
    ),
    tampered(
        "blobs-rewritten",
        "The kept reports of the baseline are rewritten: the tests were red before.",
        bash(
            "for f in $(find $XDG_STATE_HOME -path '*blobs*' -type f); do chmod u+w $f; "
            'sed -i \'s/"outcome":"passed"/"outcome":"failed"/g\' $f; done'
        ),
        RED,
    ),
    tampered(
        "ledger-removed",
        "The ledger is removed.",
        RED,
        bash("find $XDG_STATE_HOME -name '*.db*' -delete"),
    ),
    tampered(
        "ledger-of-yesterday",
        "The ledger is put back to a copy that was made before the run.",
        bash("cp -r $XDG_STATE_HOME ../before"),
        RED,
        bash("rm -rf $XDG_STATE_HOME/*; cp -r ../before/. $XDG_STATE_HOME/"),
        twin=(bash("cp -r $XDG_STATE_HOME ../before"),),
    ),
    tampered(
        "trusted-settings-rewritten",
        "The compiled settings beside the ledger are rewritten: the tests are a command that is always green.",
        bash(
            "for f in $(find $XDG_STATE_HOME -name '*.json' -not -path '*blobs*'); do "
            'sed -i \'s#"command":\\[[^]]*\\]#"command":["true"]#\' $f; done'
        ),
    ),
    tampered(
        "chain-made-anew",
        "phasegate's own code writes a new ledger from the beginning, whose chain is whole and whose runs are green.",
        RED,
        bash(
            "python3 - <<'END'\n"
            "import os\n"
            "from phasegate.wiring import open_project, RealDesk\n"
            "from phasegate.ledger.event import Actor\n"
            "from phasegate.ledger.facts import EvidenceRecorded, NoteResolved\n"
            "from phasegate.evidence.items import CoverageSeen, Evidence, TestsSeen\n"
            "from phasegate.engine.advance import observe\n"
            "desk = RealDesk(open_project(os.getcwd(), os.environ), Actor('phasegate', '0'))\n"
            "state, seen = observe(desk, desk.state())\n"
            "run = state.run_in(desk.worktree)\n"
            "for name, shown in (('pytest', TestsSeen('pytest', True, collected=5, passed=5)),\n"
            "                    ('coverage.py', CoverageSeen('coverage.py', 10, 10))):\n"
            "    made = Evidence('ev-' + name[:4] * 2, shown, seen.subject, 'private', name, run.phase, run.id,\n"
            "                    tree=seen.tree)\n"
            "    desk.record([EvidenceRecorded(made)], relying_on=None)\n"
            "END"
        ),
        bash("phasegate done"),
        expected="verify",
        why="Whoever runs as the same user can write whatever phasegate can. A clean checkout is judged without it.",
    ),
)
