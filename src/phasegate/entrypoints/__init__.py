"""The doors: where a hook call, a command, a runner or a demo comes in."""
