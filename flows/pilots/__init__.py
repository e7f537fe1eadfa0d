"""Small runs that choose the share of domain text and the learning rate."""
