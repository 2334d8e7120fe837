"""What a web process does first, what it lets wait, and what it refuses when there is too much at once (ADR 0027)."""
