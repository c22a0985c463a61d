"""What do we say about a phrase? The glossary, the version of the words, and the words as shipped (seed)."""
