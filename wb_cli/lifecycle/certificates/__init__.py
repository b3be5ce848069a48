"""Give instances certificates, and take them away: one after the other, each with its site."""
