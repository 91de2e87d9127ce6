"""Whether a prompt hands the turn to the plan, or the turn is the person's own and may end when they are answered."""

from __future__ import annotations

PHRASES = frozenset(
    {
        "carry on", "continue", "continue please", "continue the plan", "continue with the plan", "go", "go ahead",
        "go on", "keep going", "next", "please continue", "proceed", "resume", "start", "work on the plan",
    }
)  # fmt: skip
"""What people say when they want the agent to go on; compared without case and final punctuation."""


def hands_over(prompt: str, *, mode: str, task: str = "") -> bool:
    """Under `drive` every prompt does; else `/phasegate`, a phrase from the table, nothing, or the run's task."""
    said = _plain(prompt)
    if mode == "drive" or not said or said in PHRASES or (task and said == _plain(task)):
        return True
    return said.split()[0] in ("/phasegate", "/phasegate:phasegate")


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".!").casefold()


def of_the_client(prompt: str) -> bool:
    """Whether the client itself wrote the prompt: Claude Code tells so that a background agent has ended."""
    return prompt.lstrip().startswith("<task-notification>")
