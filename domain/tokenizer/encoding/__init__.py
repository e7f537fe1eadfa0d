"""Text to token ids in memory, by a fast path where one is proved equal."""
