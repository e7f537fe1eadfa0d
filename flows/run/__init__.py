"""One run of a recipe: stages cached or executed, as a Prefect flow, in processes of their own."""
