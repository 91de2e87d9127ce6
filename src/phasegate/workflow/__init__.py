"""How work proceeds: the definition an agent is driven through, the plan it works on, and what is next."""
