"""A recipe: its schema, its errors, its starter, and its checks before a run."""
