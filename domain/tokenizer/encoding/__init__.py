"""Text to token ids in memory, by a verified fast path where one exists."""
