"""What the server measures of itself: the origins and times of answers, and the loop's lag."""
