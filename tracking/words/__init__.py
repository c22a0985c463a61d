"""The words that explain Japan Post's phrases: the glossary, the version of the words, the words as shipped (seed)."""
