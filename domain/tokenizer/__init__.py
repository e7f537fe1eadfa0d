"""Tokenizers: keep the base's, extend it, or train a new one."""
