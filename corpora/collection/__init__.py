"""From sources to Raw: what is written, under which ids, and how far it is."""
