"""What a validator says: one line, one outcome; each waits for it, and says what was expected and observed."""

from kindlabs.expectations.lab import Lab

__all__ = ["Lab"]
