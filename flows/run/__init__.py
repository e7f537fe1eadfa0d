"""One run of a recipe: stages found in the cache or made, as a Prefect flow, in processes of their own."""
