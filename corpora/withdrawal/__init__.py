"""Withdrawn documents: the list, where their text is, and its deletion from everything that is stored."""
