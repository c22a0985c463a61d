"""Plain facts and checks: numbers, places, colours, links, texts. Nothing here knows Django's models or another room."""
