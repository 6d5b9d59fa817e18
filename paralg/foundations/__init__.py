"""Part 1, the three foundation pages: explorers, checks and quizzes."""
