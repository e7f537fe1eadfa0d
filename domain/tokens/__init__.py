"""Text becomes ids on disk, and ids become batches."""
