"""Tools of the end-to-end tests: a mesh of their own, and clients that check every answer."""
