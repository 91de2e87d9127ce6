"""Decides about one tool call: rules, waivers and modes in, a decision out; and knows what a secret looks like."""
