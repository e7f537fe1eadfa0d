"""A recipe on one page: its schema, its errors, its starter, and what is checked before it runs."""
