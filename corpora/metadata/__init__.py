"""What a record states about itself: its date and its licence."""
