"""The release: a folder that transformers loads, with its card, lineage and checksums."""
