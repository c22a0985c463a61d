"""Who may enter the desk, and what only the desk needs: log-in, second factor, groups, middleware."""
