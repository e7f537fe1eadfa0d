"""Files of a team's own: where they lie, what is packed in them, and the records of each form."""
