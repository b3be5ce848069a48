"""What must hold before and while an instance is changed."""
