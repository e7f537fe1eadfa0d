"""RSS and Atom feeds: every entry that was ever in one, and the pages of entries."""
