"""The storm: many members on a mesh whose parts die, and the reckoning afterwards."""
