"""Instructions counted on an emulated core, models trained in scikit-learn, runs and records."""
