"""Subagents and MCP servers are limited like the agent that called them."""

from __future__ import annotations

import json
import sys

from phasegate.entrypoints.demo.script import Route, Turn, call, say
from phasegate.ledger import facts as f
from tests.real_client.project import SHOP, Project, bash
from tests.real_client.which import with_both, with_the_real_one

SERVER = """
import json, sys
TOOL = {"name": "write", "description": "Write a file.", "inputSchema": {"type": "object", "properties": {
    "path": {"type": "string"}, "content": {"type": "string"}}}}
for line in sys.stdin:
    asked = json.loads(line)
    match asked.get("method"):
        case "initialize":
            result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                      "serverInfo": {"name": "pen", "version": "1"}}
        case "tools/list":
            result = {"tools": [TOOL]}
        case "tools/call":
            given = asked["params"]["arguments"]
            with open(given["path"], "w") as file:
                file.write(given["content"])
            result = {"content": [{"type": "text", "text": "written"}]}
        case _:
            result = {}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
"""The smallest MCP server that can write a file."""


def delegate(prompt: str = "Helper: mend the shop.") -> Turn:
    return call("Agent", description="help", prompt=prompt, subagent_type="general-purpose", run_in_background=False)


@with_both
def test_a_subagents_edit_is_refused_like_the_agents_own(project: Project) -> None:
    write = call("Write", file_path="{{P}}/src/shop/new.py", content="x = 1\n")
    project.play(delegate(), routes=(Route("^Helper", (write, say("I could not."))),))
    (refused,) = project.facts(f.CallRefused)
    assert refused.rule == "step" and refused.agent and not project.has("src/shop/new.py")


@with_both
def test_what_a_subagents_shell_writes_is_put_back(project: Project) -> None:
    before = project.text(SHOP)
    project.play(delegate(), routes=(Route("^Helper", (bash(f"echo 'x = 1' >> {SHOP}"), say("I did it."))),))
    assert (project.put_back(), project.held()) == ([SHOP], [])
    assert project.text(SHOP) == before and not project.run.in_flight


@with_both
def test_a_subagent_cannot_end_the_turn_in_the_place_of_the_agent(project: Project) -> None:
    project.play(delegate(), say("All done."), say("Done."), routes=(Route("^Helper", (say("All done."),)),),
                 prompt="Continue the plan.")  # fmt: skip
    assert project.facts(f.StopRefused)


@with_the_real_one
def test_what_an_mcp_server_writes_is_put_back(project: Project) -> None:
    before = project.text(SHOP)
    server, config = project.folder / "pen.py", project.folder / "mcp.json"
    server.write_text(SERVER)
    config.write_text(json.dumps({"mcpServers": {"pen": {"command": sys.executable, "args": ["-I", str(server)]}}}))
    finished = project.play(
        call("mcp__pen__write", path="{{P}}/" + SHOP, content="x = 1\n"),
        call("mcp__pen__write", path="{{P}}/README.md", content="x\n"),
        options=("--mcp-config", str(config), "--allowedTools", "Bash,Agent,mcp__pen__write"),
    )
    assert [result.text for result in finished.tool_results] == ["written", "written"]
    assert project.put_back() == [SHOP, "README.md"] and project.text(SHOP) == before
