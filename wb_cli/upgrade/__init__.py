"""Another version of the platform under instances, with a way back."""
