"""Documents that must go: what was withdrawn, where it stands, and its deletion from everything that is stored."""
