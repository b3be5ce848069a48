"""Other folders in the place of an instance's own: moved in, moved back, and put in order."""
