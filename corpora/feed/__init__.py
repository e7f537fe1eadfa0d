"""RSS and Atom feeds: all that was ever in one, and its entries' pages."""
