"""What the agent and the person are shown: instructions, the rendered block, reports; typed fields only, capped."""
