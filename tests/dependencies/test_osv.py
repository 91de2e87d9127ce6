"""An advisory speaks of the versions that its format says, and of one hole once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from phasegate.dependencies.holes import Hole, audited, severity_of
from phasegate.dependencies.osv import Advisory, NoRecord, Score, advisories, read, speaks_of
from phasegate.dependencies.packages import Ecosystem, Package
from phasegate.dependencies.versions import Unorderable, pep440, semver


def record(id: str = "GHSA-1", ecosystem: str = "PyPI", name: str = "shop", **more: Any) -> dict[str, Any]:
    affected = {key: more.pop(key) for key in ("ranges", "versions") if key in more}
    own = {"package": {"ecosystem": ecosystem, "name": name}, **affected}
    return {"id": id, "modified": "2026-01-01T00:00:00Z", "affected": [own], **more}


def about(*events: dict[str, str], ecosystem: Ecosystem = "PyPI", kind: str = "ECOSYSTEM", **more: Any) -> Advisory:
    made = record(ecosystem=ecosystem, ranges=[{"type": kind, "events": list(events)}], **more)
    [(_, _, advisory)] = advisories(read(json.dumps(made).encode()))
    return advisory


def does(advisory: Advisory, version: str, ecosystem: Ecosystem = "PyPI") -> str:
    return speaks_of(advisory, Package(ecosystem, "shop", version))


INTRODUCED, FIXED = {"introduced": "1.0"}, {"fixed": "2.0"}


@pytest.mark.parametrize(
    ("events", "yes", "no"),
    [
        ([{"introduced": "0"}], "0.0.1 99", ""),
        ([{"introduced": "0"}, FIXED], "0.1 1.9.9 2.0rc1", "2.0 2.0.post1 3"),
        ([FIXED, INTRODUCED], "1.0 1.5", "0.9 1.0.dev1 2.0"),
        ([INTRODUCED, {"last_affected": "1.4"}], "1.0 1.4", "0.9 1.4.1 1.4.post1 1.5"),
        ([INTRODUCED, {"last_affected": "1.0"}], "1.0", "0.9 1.1"),
        ([INTRODUCED, FIXED, {"introduced": "3.0"}, {"fixed": "3.1"}], "1.5 3.0", "2.5 3.1"),
        ([INTRODUCED, FIXED, {"introduced": "2.0"}, {"fixed": "2.1"}], "1.5 2.0", "2.1"),
        ([INTRODUCED, {"limit": "1.2"}], "1.1", "1.2 1.3"),
        ([INTRODUCED, {"limit": "*"}], "99", "0.1"),
        ([INTRODUCED, {"limit": "1.2"}, {"limit": "1.6"}], "1.3", "1.6"),
    ],
)
def test_events_say_which_versions(events: list[dict[str, str]], yes: str, no: str) -> None:
    advisory = about(*events)
    assert [does(advisory, version) for version in yes.split()] == ["yes"] * len(yes.split())
    assert [does(advisory, version) for version in no.split()] == ["no"] * len(no.split())


def test_npm_and_go_go_by_semantic_versions() -> None:
    advisory = about({"introduced": "1.0.0-beta.2"}, {"fixed": "1.0.1"}, ecosystem="npm", kind="SEMVER")
    said = {
        v: does(advisory, v, "npm")
        for v in ("1.0.0-beta.1", "1.0.0-beta.11", "1.0.0", "1.0.1-rc.1", "1.0.1+b", "v1.0.0")
    }
    assert list(said.values()) == ["no", "yes", "yes", "yes", "no", "yes"]
    pseudo = about({"introduced": "0"}, {"fixed": "0.0.0-20220101000000-abc"}, ecosystem="Go", kind="SEMVER")
    assert does(pseudo, "0.0.0-20211231000000-fff", "Go") == "yes"
    assert does(pseudo, "0.0.0-20230101000000-fff", "Go") == "no"
    stdlib = about(
        {"introduced": "0"}, {"fixed": "1.21.10"}, {"introduced": "1.22.0-0"}, {"fixed": "1.22.3"}, ecosystem="Go"
    )
    assert [
        does(stdlib, v, "Go") for v in ("1.21.9", "1.21.10", "1.22rc1", "1.22.2", "1.22.3")
    ] == "yes no yes yes no".split()


def test_listed_versions_count_however_they_are_spelt() -> None:
    [(_, _, advisory)] = advisories(read(json.dumps(record(versions=["1.0", "2004d"])).encode()))
    assert [does(advisory, v) for v in ("1.0", "1.0.0", "2004d", "1.1")] == ["yes", "yes", "yes", "no"]


def test_what_cannot_be_compared_is_no_all_clear() -> None:
    assert does(about(INTRODUCED, {"fixed": "not a version"}), "1.5") == "unclear"
    assert does(about(INTRODUCED), "not a version") == "unclear"
    assert does(about({"introduced": "0"}, kind="GIT"), "1.0") == "unclear"
    found = audited([Package("PyPI", "shop", "1.0")], lambda _: [about({"introduced": "0"}, kind="GIT")])
    assert not found.holes and "GHSA-1" in found.unclear[0]


def test_names_are_looked_up_as_their_ecosystem_spells_them_and_what_was_withdrawn_is_not() -> None:
    [(ecosystem, name, _)] = advisories(read(json.dumps(record(name="Zope.Interface")).encode()))
    assert (ecosystem, name) == ("PyPI", "zope-interface")
    [(_, name, _)] = advisories(read(json.dumps(record(ecosystem="npm", name="JSONStream")).encode()))
    assert name == "JSONStream"
    assert not advisories(read(json.dumps(record(withdrawn="2026-01-01T00:00:00Z")).encode()))
    assert not advisories(read(json.dumps(record(ecosystem="crates.io")).encode()))


def test_one_hole_of_several_databases_is_told_once_with_all_its_names() -> None:
    events = ({"introduced": "0"}, FIXED)
    found = [
        about(*events, id="PYSEC-1", aliases=["CVE-1"]),
        about({"introduced": "5"}, id="GHSA-9", aliases=["CVE-9"]),
        about(*events, id="GHSA-1", aliases=["CVE-1"], summary="a hole", database_specific={"severity": "HIGH"}),
        about(*events, id="OTHER-1", aliases=["GHSA-1"]),
        about(*events, id="GHSA-2", aliases=["CVE-2"], database_specific={"severity": "LOW"}),
    ]
    package = Package("PyPI", "shop", "1.0")
    assert set(audited([package], lambda _: found).holes) == {
        Hole(package, "CVE-1", ("GHSA-1", "PYSEC-1", "OTHER-1"), "high", "a hole", ("2.0",)),
        Hole(package, "CVE-2", ("GHSA-2",), "low", "", ("2.0",)),
    }


@pytest.mark.parametrize(
    ("advisory", "severity"),
    [
        (Advisory("a", severity="MODERATE"), "medium"),
        (Advisory("MAL-1", severity="malicious"), "critical"),
        (Advisory("a", scores=(Score("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),)), "critical"),
        (Advisory("a", scores=(Score("CVSS_V3", "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"),)), "low"),
        (
            Advisory(
                "a", scores=(Score("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"),)
            ),
            "critical",
        ),
        (Advisory("a", scores=(Score("CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P"),)), "high"),
        (Advisory("a", scores=(Score("CVSS_V3", "nonsense"), Score("Ubuntu", "high"))), "unknown"),
        (Advisory("a", severity="dreadful"), "unknown"),
    ],
)
def test_severity_is_the_databases_word_else_the_scores(advisory: Advisory, severity: str) -> None:
    assert severity_of(advisory) == severity


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"id":"a"}', b'{"id":1,"modified":"x"}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(NoRecord):
        read(content)


VERSIONS = st.builds(
    "{}.{}{}{}".format, st.integers(0, 3), st.integers(0, 3), st.sampled_from(("", "a1", "rc2", ".1")),
    st.sampled_from(("", ".post1", ".dev1")),
)  # fmt: skip


@given(st.lists(VERSIONS, min_size=2, max_size=2, unique_by=Version), VERSIONS)
def test_pypi_ranges_are_as_packaging_orders_them(ends: list[str], version: str) -> None:
    first, last = sorted(ends, key=Version)
    said = does(about({"introduced": first}, {"fixed": last}), version)
    assert said == ("yes" if Version(first) <= Version(version) < Version(last) else "no")


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_compare_or_are_no_versions(one: str, other: str) -> None:
    for order in (semver, pep440):
        try:
            first, second = order(one), order(other)  # type: ignore[operator]
        except Unorderable:
            continue
        assert (first < second) + (first == second) + (first > second) == 1
