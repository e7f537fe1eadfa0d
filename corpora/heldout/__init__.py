"""A work folder's record of the splits of all texts, so that held-out text stays held out."""
