"""Encoded text: token shards on disk, and batches read from them."""
