"""Paired bootstrap intervals."""
