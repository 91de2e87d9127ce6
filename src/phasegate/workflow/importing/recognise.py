"""Which form a file has, by its path and at need by its words; and where such files lie in a folder."""

from __future__ import annotations

import re

from phasegate.workflow.importing.draft import Form

_SPEC = re.compile(r"(?:^|/)specs/(?P<group>[^/]+)/tasks\.md$")
_CHANGE = re.compile(r"(?:^|/)changes/(?P<group>[^/]+)/tasks\.md$")
_TODO = re.compile(
    r"(?:to-?_?do|road-?_?map|backlog|tasks?|wishlist|future)s?(?:\.(?:md|markdown|txt))?$", re.IGNORECASE
)
_README = re.compile(r"readme(?:\.(?:md|markdown))?$", re.IGNORECASE)
_ISSUE = re.compile(r"\A\s*(?:\{\s*\"|title:\t)")
_TASK_IDS = re.compile(r"^[-*] \[[ xX]\] \**T[0-9]{3}\b", re.MULTILINE)

ROOT_FILES = re.compile(
    r"(?:readme|to-?_?do|road-?_?map|backlog|tasks|check-?_?list|plan|future)s?(?:\.(?:md|markdown|txt|rst|org|adoc))?$",
    re.IGNORECASE,
)
"""Names, in the folder given and in its `docs`, of what may be a plan."""

UNREAD = re.compile(r"\.(?:rst|org|adoc|asciidoc|html?|ya?ml|json|csv|docx?|pdf)$", re.IGNORECASE)
"""Files in forms that no importer reads; JSON is read as an issue where its words say so."""


def form_of(path: str, text: str) -> Form | None:
    """How the file at `path` is read; None where no importer reads such a file."""
    name = path.rpartition("/")[2]
    if _CHANGE.search(path):
        return "openspec"
    if _SPEC.search(path) or (_TASK_IDS.search(text) and name.lower().endswith(".md")):
        return "spec-kit"
    if path == "-" or _ISSUE.match(text):
        return "issue"
    if UNREAD.search(name):
        return None
    if _README.match(name):
        return "readme"
    return "todo" if _TODO.match(name) or not name.lower().endswith((".md", ".markdown")) else "checklist"


def group_of(path: str) -> str:
    """The feature or change whose tasks a file lists: the name of its folder; "" for files of other forms."""
    match = _CHANGE.search(path) or _SPEC.search(path)
    return match["group"] if match else ""
