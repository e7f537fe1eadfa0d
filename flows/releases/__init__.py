"""What was released: the releases of a work folder, found by recipe and day."""
