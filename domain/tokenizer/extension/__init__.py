"""Extend a base's tokenizer with pieces learned on domain text."""
