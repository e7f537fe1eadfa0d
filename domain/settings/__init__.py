"""The training settings of a recipe: learning and objectives; imports no torch."""
