"""Models: build or load them, fit their vocabulary, mask documents, place them on devices."""
