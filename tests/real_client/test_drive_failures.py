"""What passes is waited out, what died or fell silent is started again, and the phases close all the same."""

from __future__ import annotations

import time

import pytest

from phasegate.entrypoints.demo.script import ApiError, Request, Step, Text, Turn, say
from phasegate.ledger import driving as d
from tests.real_client.conftest import NewProject
from tests.real_client.nights import DOCS, PLAN, RELEASE, Night
from tests.real_client.project import bash
from tests.real_client.which import with_the_real_one


def refusing(status: int, kind: str, **headers: str) -> Turn:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Turn(error=ApiError(status, kind, "scripted", named))


OVERLOADED = refusing(529, "overloaded_error")
LIMITED = refusing(429, "rate_limit_error")
FAILING = refusing(500, "api_error")
DROPPED = Turn(blocks=(Text("half an answer " * 20),), hang_up=True)

PASSES: dict[str, tuple[tuple[Step, ...], str]] = {
    "overload": ((OVERLOADED, OVERLOADED), "overloaded"),
    "a rate limit": ((LIMITED,), "rate_limited"),
    "a rate limit that names an hour": ((refusing(429, "rate_limit_error", retry_after="3600"),), "rate_limited"),
    "a failing service": ((FAILING,), "api_error"),
    "dropped connections": ((DROPPED,) * 4, "network"),
}


@pytest.fixture
def night(new_project: NewProject) -> Night:
    return Night(new_project({PLAN: DOCS}))


@with_the_real_one
@pytest.mark.parametrize("what", PASSES if RELEASE else ("overload", "dropped connections"))
def test_what_passes_is_waited_out_in_the_same_run_and_counts_as_no_loop(night: Night, what: str) -> None:
    failures, how = PASSES[what]
    phase = night.docs_phase(1, "how")
    driven = night.drive(*phase[:3], *failures, *phase[3:])
    assert driven.code == 0, driven.stderr + driven.stdout
    endings = [fact.how for fact in night.facts(d.ClientEnded)]
    assert how in endings and endings[-1] == "ended"
    assert night.facts(d.WaitBegan) and any("waits_for" in said for said in driven.said)
    assert [record.loops for record in night.project.state.phases.values()] == [0]
    assert len({run.id for run in night.project.state.runs.values()}) == 1


@with_the_real_one
def test_a_usage_limit_is_waited_out_until_the_time_the_client_names(night: Night) -> None:
    named: list[int] = []
    phase = night.docs_phase(1, "how")

    def limited(request: Request) -> Turn:
        named.append(int(time.time()) + 8)
        return refusing(
            429, "rate_limit_error",
            anthropic_ratelimit_unified_status="rejected", anthropic_ratelimit_unified_reset=str(named[-1]),
            anthropic_ratelimit_unified_representative_claim="five_hour",
        )  # fmt: skip

    driven = night.drive(*phase[:2], limited, *phase[2:], subscriber=True)
    assert driven.code == 0, driven.stderr + driven.stdout
    limit = next(fact for fact in night.facts(d.ClientEnded) if fact.how == "usage_limit")
    (reset,) = named
    assert limit.until_ms == reset * 1000 and "limit" in limit.said
    (waited,) = night.facts(d.WaitBegan)
    assert waited.until_ms >= reset * 1000


@with_the_real_one
def test_a_usage_limit_that_outlasts_the_drive_ends_it_at_once(night: Night) -> None:
    limited = refusing(
        429, "rate_limit_error",
        anthropic_ratelimit_unified_status="rejected",
        anthropic_ratelimit_unified_reset=str(int(time.time()) + 7200),
        anthropic_ratelimit_unified_representative_claim="five_hour",
    )  # fmt: skip
    driven = night.drive(limited, options=("--until", "+1h"), subscriber=True)
    assert (driven.code, driven.result["outcome"]) == (6, "limit"), driven.stderr
    assert not night.facts(d.WaitBegan)


@with_the_real_one
def test_a_key_that_is_not_taken_ends_the_drive_with_the_clients_words(night: Night) -> None:
    driven = night.drive(refusing(401, "authentication_error"), refusing(401, "authentication_error"))
    assert (driven.code, driven.result["outcome"]) == (7, "failed"), driven.stderr
    assert "authenticate" in driven.result["said"]


@with_the_real_one
def test_a_client_that_falls_silent_is_killed_with_all_below_it_and_started_again(new_project: NewProject) -> None:
    night = Night(new_project({PLAN: DOCS}), silent=0.12)  # longer than a client takes to start on a busy machine
    phase = night.docs_phase(1, "how")
    silent = Turn(blocks=(Text("hm " * 50),), silence=60.0)
    driven = night.drive(*phase[:3], silent, *phase[3:])
    assert driven.code == 0, driven.stderr + driven.stdout
    assert [fact.how for fact in night.facts(d.ClientEnded)] == ["silent", "ended"]


@pytest.mark.skipif(not RELEASE, reason="PHASEGATE_TIER=release runs it: a test run longer than the silence")
@with_the_real_one
def test_a_client_that_waits_for_a_test_run_is_not_silent(new_project: NewProject) -> None:
    slow = "import time\n\n\ndef test_slow():\n    time.sleep(15)\n"
    night = Night(new_project({PLAN: DOCS, "tests/test_slow.py": slow}), silent=0.2)
    phase = night.docs_phase(1, "how")
    driven = night.drive(*phase[:3], bash("phasegate check tests"), *phase[3:])
    assert driven.code == 0, driven.stderr + driven.stdout
    assert "silent" not in [fact.how for fact in night.facts(d.ClientEnded)]


@with_the_real_one
def test_a_client_that_is_killed_is_started_again_at_the_recorded_step(night: Night) -> None:
    phase = night.docs_phase(1, "how")
    driven = night.drive(*phase[:3], night.kills_the_client(say("never heard")), *phase[3:])
    assert driven.code == 0, driven.stderr + driven.stdout
    assert [fact.how for fact in night.facts(d.ClientEnded)] == ["died", "ended"]
    steps = [visit.step for run in night.project.state.runs.values() for visit in run.trail]
    assert steps.count("explore") <= 1


@with_the_real_one
def test_a_drive_whose_supervisor_was_killed_is_gone_on_with(night: Night) -> None:
    phase = night.docs_phase(1, "how")
    killed = night.drive(*phase[:3], night.kills_the_supervisor(say("never heard", delay=5.0)), say("Done."))
    assert killed.code not in (0, 5, 6, 7) and not killed.stdout.strip()
    assert "`phasegate drive` goes on with it" in night.status()
    driven = night.drive(*phase[3:])
    assert driven.code == 0, driven.stderr + driven.stdout
    assert driven.result["goes_on"] and driven.result["closed"] == ["1"]
    first, second = night.facts(d.DriveStarted)
    assert (first.worktree, first.branch) == (second.worktree, second.branch)
    assert [fact.outcome for fact in night.facts(d.DriveEnded)] == ["failed", "complete"]
