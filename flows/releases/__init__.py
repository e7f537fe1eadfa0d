"""The releases of a work folder, by recipe and day."""
