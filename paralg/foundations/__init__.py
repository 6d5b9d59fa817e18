"""Part I, the three foundation pages: explorers, checks and quizzes."""
