"""Where Claude Code reads its settings from: the project's, the person's own, and the organisation's."""

# Annotations are evaluated here: as texts, msgspec would compile each of them anew in every hook call.
import os
import sys
from collections.abc import Mapping

OF_A_PROJECT = (".claude/settings.json", ".claude/settings.local.json")
MANAGED_FILE, MANAGED_FOLDER = "managed-settings.json", "managed-settings.d"


def managed_folder() -> str:
    """Where the settings of an organisation lie, which no user's settings outrank."""
    return "/Library/Application Support/ClaudeCode" if sys.platform == "darwin" else "/etc/claude-code"


def settings_files(root: str, env: Mapping[str, str]) -> dict[str, str]:
    """Every file of settings that the client reads in `root`, by the name that people are told."""
    found = {name: os.path.join(root, name) for name in OF_A_PROJECT}
    home = env.get("HOME", "")
    own = env.get("CLAUDE_CONFIG_DIR") or (os.path.join(home, ".claude") if os.path.isabs(home) else "")
    if own:
        path = os.path.join(own, "settings.json")
        found[f"~{path[len(home) :]}" if home not in ("", "/") and path.startswith(f"{home}/") else path] = path
    found |= {path: path for path in managed_files()}
    return found


def managed_files(folder: str = "") -> list[str]:
    """The organisation's files: the one, and those beside it, in the order the client reads them."""
    folder = folder or managed_folder()
    parts = os.path.join(folder, MANAGED_FOLDER)
    try:
        names = sorted(name for name in os.listdir(parts) if name.endswith(".json"))
    except OSError:
        names = []
    return [os.path.join(folder, MANAGED_FILE), *(os.path.join(parts, name) for name in names)]
