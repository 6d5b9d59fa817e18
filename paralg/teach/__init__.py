"""Exercise checks, quizzes and learning objectives."""
