"""The release: a folder that transformers opens, with its card, lineage and checksums."""
