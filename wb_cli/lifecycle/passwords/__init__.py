"""Give a database the password that its instance has: while it runs, and while nothing runs."""
