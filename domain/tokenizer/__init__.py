"""Tokenizers: fitted to the domain, or kept from the base."""
