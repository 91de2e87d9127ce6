"""Driving an agent alone: a supervisor outside the client, with a branch and a work tree of its own."""
