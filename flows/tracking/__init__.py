"""What is logged of a run while it works: MLflow, in a background thread."""
