"""A trained model in use: generation, and scores of models that restore text."""
