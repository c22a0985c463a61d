"""Plain values and checks: numbers, places, colors, links, texts. Imports neither models nor any other room."""
