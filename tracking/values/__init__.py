"""Plain facts and checks: numbers, places, colors, links, texts. Nothing here knows Django's models or another room."""
