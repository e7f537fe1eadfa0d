"""A team's own files: where they are, how they are packed, and the records of each format."""
