"""Read, decide, record, tell: the order is written down once, in `answer.py`; what the edges must do is data."""
