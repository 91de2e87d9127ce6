"""A coding agent without a model: a scripted model on loopback, and the clients, real and stand-in, that it drives."""
