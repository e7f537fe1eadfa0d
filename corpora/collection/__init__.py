"""From sources to Raw: writing documents, keeping ids unique, resuming."""
