"""A base's tokenizer continued by the domain's own pieces."""
