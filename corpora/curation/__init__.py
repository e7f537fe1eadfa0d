"""The two passes over the text and the decisions between them."""
