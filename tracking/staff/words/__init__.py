"""Staff's work on words: inbox, history, previews, translation."""
