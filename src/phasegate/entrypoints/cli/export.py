"""`phasegate log export`: bring the ledger out of this clone, to a git ref or a file, where others can check it."""

from __future__ import annotations

import os
import tempfile

import rich_click as click

from phasegate.attestation.anchors import judged
from phasegate.entrypoints import exporting
from phasegate.entrypoints.cli import machines, output
from phasegate.entrypoints.cli.check import tell_verdicts
from phasegate.entrypoints.cli.session import json_option
from phasegate.entrypoints.exporting import Brought
from phasegate.errors import Exit
from phasegate.wiring import open_project
from phasegate.workspace import git
from phasegate.workspace.ledger_refs import LedgerRefs


@click.command()
@click.option("--file", "path", metavar="FILE", help="Write one file instead of the ref.")
@click.option("--push", "remote", metavar="REMOTE", help="Push the ref to this remote afterwards; never by force.")
@click.option("--run", "run", default="", metavar="ID", help="With --file: leave out what other runs recorded.")
@click.option("--since", type=click.IntRange(min=0), default=0, metavar="N", help="With --file: only after event N.")
@json_option
def export(path: str | None, remote: str | None, run: str, since: int, as_json: bool) -> int:
    """Bring the ledger out of this clone: events as recorded, secrets redacted, with the artifacts they name.

    It goes to refs/phasegate/ledgers/LEDGER, which only ever grows; branches, index and work tree stay as they are, and
    what is there already is not written again. The head it prints is an anchor: keep it where no agent can write.

    Example: phasegate log export --push origin
    """
    if (run or since) and not path:
        raise click.UsageError("--run and --since go with --file: the ref holds the whole of the ledger.")
    project = open_project(os.getcwd(), os.environ)
    try:
        with tempfile.TemporaryDirectory(prefix="phasegate-") as scratch:
            if path:
                content, brought = exporting.to_bytes(project, since=since, run=run)
                machines.put(path, content)
            else:
                brought = exporting.to_ref(project, scratch)
                if remote:
                    LedgerRefs(project.where.top, scratch).push(brought.place, remote)
    finally:
        project.close()
    _tell(brought, path or brought.place, remote, as_json)
    return Exit.OK


def _tell(brought: Brought, place: str, remote: str | None, as_json: bool) -> None:
    head = f"{brought.head.position}:{brought.head.hash}"
    if as_json:
        output.give({"ledger": brought.ledger, "place": place, "added": brought.added, "head": head,
                     "left_out": brought.left_out, "pushed": remote or ""})  # fmt: skip
        return
    output.say(f"phasegate: {brought.added} events went to {place}{f' and to {remote}' if remote else ''}.")
    if brought.left_out:
        output.say(f"  {brought.left_out} artifacts were left out: they are too large, or gone.")
    output.say(f"  anchor: {brought.ledger} {head}")


def check(source: str, anchors: tuple[str, ...], as_json: bool) -> int:
    """Check an exported ledger against itself and the anchors."""
    root = "" if os.path.exists(source) else git.locate(os.getcwd()).root
    exported = exporting.read(source, root)
    verdict = judged(exported, exporting.anchors(anchors))
    head = exported.top.head
    told = {"ledger": exported.top.ledger, "head": f"{head.position}:{head.hash}"}
    return tell_verdicts((verdict,), told if as_json else None)
