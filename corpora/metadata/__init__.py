"""What a record says of itself: its date and its licence."""
